"""What servers say instead of the bytes, in our words: decisions without I/O."""

import json
import re
from collections.abc import Mapping

from registry.domain.source import Download
from registry.domain.strangers_text import one_line
from registry.errors import AccessDenied, GoneFromHub, LoginRequired, RequestRefused, SdregError
from registry.transfer.journal import lasting_name

# As much of an answer as is looked at to tell what it is.
PEEK_BYTES = 2048
READ_BYTES = 64 * 1024

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, GONE = 401, 403, 404, 410
TOO_MANY, TIMEOUT, TOO_EARLY = 429, 408, 425

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(r"<(!doctype\s+html|html|head|body|script|title|meta)\b", re.IGNORECASE)
_XML = re.compile(r"<\?xml\b|<Error>", re.IGNORECASE)
_LFS = "version https://git-lfs.github.com/spec/"
_LFS_FACTS = re.compile(r"oid sha256:([0-9a-f]{64})\s+size (\d{1,19})\b")
_TEXT_SUFFIXES = {
    "html": (".html", ".htm"),
    "xml": (".xml", ".svg"),
    "json": (".json",),
}


def is_passing(status: int) -> bool:
    """Whether the same request may well succeed a little later."""
    return status >= 500 or status in (TIMEOUT, TOO_EARLY)  # noqa: PLR2004 -- RFC 9110, 15.6


def is_expired(status: int) -> bool:
    """Whether a signed address may have run out."""
    return status in (UNAUTHORIZED, FORBIDDEN, GONE)


def place_of(download: Download, host: str) -> str:
    """Who does not give the file: the hub, or the host where there is none."""
    return host if download.source.hub == "direct" else download.source.hub


def refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, download: Download, host: str
) -> SdregError:
    """The error that an error status means."""
    hub = place_of(download, host)
    what = one_line(download.file_name)
    told = one_line(headers.get("x-error-message", "")) or _message(body)
    match status:
        case 401 if "disabled" in told.lower():
            return AccessDenied(hub, what, told)
        case 401 | 403 if download.source.hub == "direct":
            return RequestRefused(lasting_name(download.source), status, told)
        case 401:
            return LoginRequired(hub, what)
        case 403:
            return _denied(headers, body, told, hub=hub, what=what, model=download.source.model)
        case 404 | 410:
            return GoneFromHub(hub, what, told or "there is nothing under this address")
        case _:
            return RequestRefused(lasting_name(download.source), status, told)


def not_the_file(first: bytes, content_type: str, *, file_name: str) -> str | None:
    """What a body is that is surely not the file, in words; None if it may be the file.

    The first bytes decide. A content type alone condemns nothing, because servers guess it.
    """
    text = _as_text(first)
    if text is None:
        return None
    name = file_name.lower()
    if text.startswith(_LFS):
        facts = _LFS_FACTS.search(text)
        about = f" to {int(facts[2]):,} bytes with sha256:{facts[1]}" if facts else ""
        return f"a Git LFS pointer{about}"
    start = text.lstrip("\ufeff \t\r\n")
    if _HTML.match(start) or (start.startswith("<!--") and content_type == "text/html"):
        return (
            None if name.endswith(_TEXT_SUFFIXES["html"]) else f"a web page{_quoted(title(text))}"
        )
    if _XML.match(start):
        if name.endswith(_TEXT_SUFFIXES["xml"]):
            return None
        code = re.search(r"<(?:Message|Code)>([^<]{1,200})", text)
        return f"an XML message{_quoted(one_line(code[1]) if code else '')}"
    if start.startswith("{") and not name.endswith(_TEXT_SUFFIXES["json"]):
        told = _message(first)
        if told or content_type.endswith("json"):
            return f"a JSON message{_quoted(told)}"
    return None


def title(text: str) -> str:
    """The title of a web page, fit to be printed."""
    found = _TITLE.search(text)
    return one_line(found[1]) if found else ""


def _quoted(text: str) -> str:
    return f": “{text}”" if text else ""


def _as_text(first: bytes) -> str | None:
    """The bytes as text, None if they are not text."""
    if not first or b"\0" in first:
        return None
    try:
        return first.decode("utf-8")
    except UnicodeDecodeError as error:
        # The first bytes may end in the middle of a character.
        return first[: error.start].decode() if len(first) - error.start < 4 else None  # noqa: PLR2004 -- UTF-8's longest


def _object(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _message(body: bytes) -> str:
    told = _object(body)
    for key in ("message", "error", "detail", "error_description"):
        if isinstance(told.get(key), str):
            return one_line(str(told[key]))
    return ""


def _denied(
    headers: Mapping[str, str], body: bytes, told: str, *, hub: str, what: str, model: str | None
) -> AccessDenied:
    facts = _object(body)
    if facts.get("error") == "Early Access" or "deadline" in facts:
        deadline = facts.get("deadline")
        until = f" until {one_line(deadline)}" if isinstance(deadline, str) else ""
        return AccessDenied(
            hub, what, f"it is in early access{until}", "Wait until then, or buy access there."
        )
    if headers.get("x-error-code") == "GatedRepo":
        return AccessDenied(
            hub,
            what,
            "its owner gives it only to those who accept the conditions",
            f"Open https://huggingface.co/{one_line(model or '')} and accept them, then try again.",
        )
    return AccessDenied(hub, what, told or "the server forbids it")
