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

_TRACKING: Final = frozenset(
    "fbclid gclid dclid gbraid wbraid msclkid yclid twclid ttclid igshid igsh mc_cid mc_eid mkt_tok ref ref_src "
    "ref_url cmpid cmp ncid ocid icid smid smtyp sref xtor at_medium at_campaign at_link_id _ga _gl spm share s_cid "
    "outputtype amp wt_mc wt_zmc campaign_id".split()
)
_TRACKING_PREFIXES: Final = ("utm_", "pk_", "mtm_", "hsa_", "oly_", "vero_", "at_bbc", "__twitter")
_HOST_PREFIX: Final = re.compile(r"(?:www\d?|m|mobile|amp)\.(?=[^.]+\.[^.])")
_PORTS: Final = {"http": 80, "https": 443}


def main_id(site: str, url: str | None, document_id: str) -> str:
    """Of a document's main article: site and canonical URL; without URL the document's id."""
    address = None if url is None else canonical_url(url)
    return _digest("document", site, document_id) if address is None else _digest("url", site, address)


def part_id(site: str, document_id: str, headline: str, ordinal: int) -> str:
    """Of a related article or teaser.

    `headline`: in normal form, "" for none; `ordinal`: how many with the same stand before it in the document.
    """
    return _digest("part", site, document_id, headline, str(ordinal))


def canonical_url(url: str) -> str | None:
    """One form for the addresses of one page, without scheme; None for what is no web address.

    Host in lower case without `www.`, `m.`, `amp.`; no default port, fragment, tracking parameter or AMP suffix;
    query sorted.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    host = _HOST_PREFIX.sub("", (host or "").strip("."), count=1)
    if parts.scheme not in _PORTS or not host:
        return None
    if port is not None and port != _PORTS[parts.scheme]:
        host = f"{host}:{port}"
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
        if name.lower() not in _TRACKING and not name.lower().startswith(_TRACKING_PREFIXES)
    ]
    encoded = urlencode(sorted(query), errors="surrogateescape")
    return f"//{host}{_path(parts.path)}" + (f"?{encoded}" if encoded else "")


def own_address(url: str | None, stated: Sequence[str]) -> str | None:
    """A page's own address: what it states itself, where that is on the host that it was fetched from, else `url`.

    `stated`: what the page says, the likeliest first; relative ones count from `url`. One without a path is the site's
    and not the page's: it would make one article of all.
    """
    fetched = canonical_url(url) if url else None
    for address in stated:
        try:
            whole = urljoin(url or "", address)
        except ValueError:
            continue
        own = canonical_url(whole)
        if own is None or own.endswith("/"):
            continue
        if fetched is None or own.split("/")[2] == fetched.split("/")[2]:
            return whole
    return url


def _path(path: str) -> str:
    """A path without what says AMP, without a slash at its end, percent-encoding in one form."""
    path = quote(unquote_to_bytes(path.encode("utf-8", "surrogatepass")), safe="/!$&'()*+,;=:@~")
    path = path.removeprefix("/amp") if path.startswith("/amp/") else path
    for suffix in ("/amp/", "/amp", ".amp"):
        path = path.removesuffix(suffix)
    return path.replace(".amp.html", ".html").rstrip("/") or "/"


def _digest(*parts: str) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()
