"""Identity of articles: the same document gives the same ids whenever it comes.

An id is 32 hex digits, 128 bits of BLAKE2b over the parts of the identity, each with its length before it so that
no two lists of parts run together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urljoin, urlsplit

from lodestream.text import normalise

_TRACKING: Final = frozenset(
    "fbclid gclid dclid gbraid wbraid msclkid yclid twclid ttclid igshid igsh mc_cid mc_eid mkt_tok ref ref_src "
    "ref_url cmpid cmp ncid ocid icid smid smtyp sref xtor at_medium at_campaign at_link_id _ga _gl spm share s_cid "
    "outputtype amp wt_mc wt_zmc campaign_id gclsrc srsltid _hsenc _hsmi intcid intcmp ito dicbo wprov guccounter "
    "guce_referrer guce_referrer_sig soc_src soc_trk __source ftag __twitter_impression ns_mchannel ns_source "
    "ns_campaign ns_linkname".split()
)
_TRACKING_PREFIXES: Final = ("utm_", "pk_", "mtm_", "matomo_", "piwik_", "hsa_", "oly_", "vero_", "itm_", "at_bbc")
_HOST_PREFIX: Final = re.compile(r"(?:(?:www\d?|m|mobile|amp)\.)+(?=[^.]+\.[^.])")
_AMP_PREFIX: Final = re.compile(r"(?:/amp(?=/))+")
_AMP_SUFFIX: Final = re.compile(r"(?:[/.]amp)+/?$")
_SLASHES: Final = re.compile(r"/{2,}")
_AMP_CACHE: Final = re.compile(
    r"(?://[^/]+\.cdn\.ampproject\.org/[cvr]|//google\.[a-z.]{2,6}/amp)/(?:s/)?(?P<address>[^/]+\..+)"
)
_SESSION: Final = re.compile(r";(?:jsessionid|phpsessid)=[^/;]*", re.IGNORECASE)
_LABEL: Final = re.compile(r"[\w-]+")
_LONGEST: Final = 4096  # twice what a header or a JSON article may have; a page may state any
_UNFILLED: Final = re.compile(r"[{}]|%7[bd]", re.IGNORECASE)
_ROUTE: Final = ("!", "/")  # a fragment that begins so names the page: what a script shows at it
_OPENING: Final = 12  # words of a text that stand for the headline it has not
_PORTS: Final = {"http": 80, "https": 443}


def main_id(site: str, url: str | None, document_id: str) -> str:
    """Of a document's main article: site and canonical URL; without URL the document's id."""
    address = None if url is None else canonical_url(url)
    return _digest("document", site, document_id) if address is None else _digest("url", site, address)


def part_id(site: str, document_id: str, headline: str, ordinal: int) -> str:
    """Of a related article or teaser.

    `headline`: as `heading_of` has it; `ordinal`: how many with the same stand before it in the document.
    """
    return _digest("part", site, document_id, headline, str(ordinal))


def heading_of(headline: str | None, body: str) -> str:
    """What a part is known by: its headline in normal form; without one the first words of its text.

    By its place among others it would hand its id to another article when the box that it stands in changes.
    """
    return normalise(headline or " ".join(body.split(None, _OPENING)[:_OPENING]))


def canonical_url(url: str) -> str | None:
    """One form for the addresses of one page, without scheme; None for what is no web address.

    Host in lower case and without punycode, `www.`, `m.`, `amp.`; no default port, no fragment but a route, no
    tracking parameter, session or AMP suffix; one slash for several; query sorted. An address in an AMP cache is
    that of the page. One of more than 4,096 characters is none.
    """
    address = _canonical(url)
    cached = None if address is None else _AMP_CACHE.fullmatch(address)
    return address if cached is None else _canonical(f"https://{cached['address']}") or address


def _canonical(url: str) -> str | None:
    if len(url) > _LONGEST:
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    host = _HOST_PREFIX.sub("", _without_punycode((host or "").strip(".")), count=1)
    if parts.scheme not in _PORTS or not host:
        return None
    host = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:
        host = f"{host}:{port}"
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
        if name.lower() not in _TRACKING and not name.lower().startswith(_TRACKING_PREFIXES)
    ]
    encoded = urlencode(sorted(query), errors="surrogateescape")
    route = f"#{_quoted(parts.fragment)}" if parts.fragment.startswith(_ROUTE) else ""
    path = _path(parts.path)
    if not host.startswith("google."):  # which has other sites below /amp
        path = _AMP_PREFIX.sub("", path, count=1) if path.startswith("/amp/") else path
    return f"//{host}{path}" + (f"?{encoded}" if encoded else "") + route


def _without_punycode(host: str) -> str:
    return ".".join(_decoded(label) if label.startswith("xn--") else label for label in host.split("."))


def _decoded(label: str) -> str:
    try:
        decoded = label[4:].encode("ascii").decode("punycode").lower()
    except UnicodeError:
        return label
    return decoded if _LABEL.fullmatch(decoded) and not decoded.isascii() else label


def own_address(url: str | None, stated: Sequence[str]) -> str | None:
    """A page's own address: what it states itself, where that is on the host that it was fetched from, else `url`.

    `stated`: what the page says, the likeliest first; relative ones count from `url`. One without a path is the site's
    and not the page's: it would make one article of all. One with a user's name or the braces of a template that
    nobody filled in is none.
    """
    fetched = canonical_url(url) if url else None
    for address in stated:
        try:
            whole = urljoin(url or "", address)
        except ValueError:
            continue
        own = None if _UNFILLED.search(whole) or "@" in "".join(whole.split("/", 3)[2:3]) else canonical_url(whole)
        if own is None or own.endswith("/") or (fetched is not None and _covers(own, fetched)):
            continue
        if fetched is None or own.split("/")[2] == fetched.split("/")[2]:
            return whole
    return url


def _covers(own: str, fetched: str) -> bool:
    """Whether an address is that of more pages: a folder of the fetched one, or that without what tells it apart."""
    path, _, query = own.partition("?")
    fetched_path, _, fetched_query = fetched.partition("?")
    return fetched_path.startswith(path + "/") or (path == fetched_path and bool(fetched_query) and not query)


def _path(path: str) -> str:
    """A path without what says AMP, without a slash at its end, percent-encoding in one form."""
    path = _SESSION.sub("", _SLASHES.sub("/", _quoted(path)))
    path = _AMP_SUFFIX.sub("", path.replace(".amp.html", ".html"))
    return path.rstrip("/") or "/"


def _quoted(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("utf-8", "surrogatepass")), safe="/!$&'()*+,;=:@~")


def _digest(*parts: str) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()
