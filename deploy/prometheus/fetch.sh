#!/bin/sh
# Puts Debian's promtool and prometheus below .tools/prometheus, without installing anything and without root.
# Where there is no apt it says so and ends well; with CI=true that is a failure.
set -eu
cd "$(dirname "$0")/../.."
target=.tools/prometheus
if [ -x "$target/usr/bin/promtool" ]; then
    exit 0
fi
fail() {
    echo "promtool: $1; the rules of Prometheus are not checked here" >&2
    if [ "${CI:-}" = true ]; then
        exit 1
    fi
    exit 0
}
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    fail "this is no Debian and has no apt-get"
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
download() {
    (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download prometheus)
}
if ! download 2>/dev/null; then
    # A fresh machine has no package lists yet; only root can fetch them.
    apt-get -qq update || fail "apt-get cannot update its lists"
    download || fail "apt-get cannot download the package prometheus"
fi
rm -rf "$target"
mkdir -p "$target"
dpkg -x "$folder"/prometheus_*.deb "$target"
"$target/usr/bin/promtool" --version | head -n 1
