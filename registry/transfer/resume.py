"""What to do with the answer to a request for bytes: decisions without I/O.

Rules of RFC 9110, 13 to 15, read strictly: a part is continued only when something proves that the
rest belongs to it: the same strong validator, or a known hash of the whole.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime

OK, PARTIAL, NOT_SATISFIABLE = 200, 206, 416
_RANGE = re.compile(r"bytes\s+(?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)\s*", re.IGNORECASE)
_PLAIN = frozenset({"", "identity"})


@dataclass(frozen=True, slots=True)
class Head:
    """What a server says about the body that follows.

    Attributes:
        status: The HTTP status.
        content_length: Length of this body.
        begin: First byte of the range, and `end` the byte behind its last.
        total_bytes: Length of the whole file, where the answer tells it.
        validator: A strong ETag or Last-Modified, None if there is none to rely on.
        content_type: Lower case, without parameters.
        encoding: Content-Encoding, empty for the bytes as they are.
    """

    status: int
    content_length: int | None = None
    begin: int | None = None
    end: int | None = None
    total_bytes: int | None = None
    validator: str | None = None
    content_type: str = ""
    encoding: str = ""

    @property
    def is_encoded(self) -> bool:
        """Whether the body is not the file's own bytes."""
        return self.encoding not in _PLAIN


@dataclass(frozen=True, slots=True)
class Standing:
    """What we have and may rely on when we ask.

    Attributes:
        at_byte: The byte that we asked from.
        size_bytes: Length of the file the part belongs to, None if not known.
        validator: The strong validator of that file, if it came from this very source.
        provable: A hash of the whole file is known, so that a wrong mixture cannot pass.
    """

    at_byte: int = 0
    size_bytes: int | None = None
    validator: str | None = None
    provable: bool = False


@dataclass(frozen=True, slots=True)
class Continue:
    """The body is the bytes that we asked for."""


@dataclass(frozen=True, slots=True)
class FromStart:
    """The body is the whole file from its first byte, though we asked for a later one."""

    because: str


@dataclass(frozen=True, slots=True)
class Changed:
    """It is not, or may not be, the file that the part belongs to."""

    because: str


@dataclass(frozen=True, slots=True)
class Complete:
    """There is nothing behind what we have."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """The answer contradicts itself or our question: no byte of it is used."""

    because: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server does not give the bytes."""

    status: int


Verdict = Continue | FromStart | Changed | Complete | Faulty | Refused


def decide(standing: Standing, head: Head) -> Verdict:
    """Decide from the answer to a request what to do with what we have."""
    match head.status:
        case 206:
            return _judge_range(standing, head)
        case 200 if standing.at_byte == 0:
            return _judge_identity(standing, head) or Continue()
        case 200 if head.validator and standing.validator not in (None, head.validator):
            return FromStart(because="the file changed on the server")
        case 200:
            return FromStart(because="the server ignores ranges")
        case 416 if head.total_bytes is not None and head.total_bytes == standing.size_bytes:
            if standing.at_byte >= head.total_bytes:
                return Complete()
            return Faulty(because="the server refuses a range that lies inside the file")
        case 416:
            return Changed(because="the server says the file is shorter now")
        case status:
            return Refused(status)


def _judge_range(standing: Standing, head: Head) -> Verdict:
    if head.content_type.startswith("multipart/"):
        return Faulty(because="the server sent several ranges for one")
    if head.is_encoded:
        return Faulty(because=f"the server sent a range of a body encoded as {head.encoding}")
    if head.begin is None or head.end is None:
        return Faulty(because="the server sent a range and does not say which")
    if head.begin != standing.at_byte:
        return Faulty(
            because=f"the server sent the range from byte {head.begin}, "
            f"not from byte {standing.at_byte}"
        )
    if head.content_length is not None and head.content_length < head.end - head.begin:
        return Faulty(because="the server's range is longer than what it sends")
    if head.total_bytes is not None and head.end > head.total_bytes:
        return Faulty(because="the server's range reaches behind the end of the file")
    if head.total_bytes is None and standing.size_bytes is None:
        return Faulty(because="the server sent a range and hides the length of the file")
    wrong = _judge_identity(standing, head)
    if wrong is not None:
        return wrong
    if standing.at_byte > 0 and not is_same(standing, head):
        return Changed(because="nothing proves that it is still the same file")
    return Continue()


def _judge_identity(standing: Standing, head: Head) -> Changed | None:
    size, total = standing.size_bytes, head.total_bytes
    if size is not None and total is not None and size != total and not head.is_encoded:
        return Changed(because=f"it has {total} bytes now, it had {size}")
    if None not in (standing.validator, head.validator) and standing.validator != head.validator:
        return Changed(because="its version tag is another one now")
    return None


def is_same(standing: Standing, head: Head) -> bool:
    """Whether something proves that this answer is of the file that we began with."""
    if standing.provable:
        return True
    return standing.validator is not None and standing.validator == head.validator


def read_head(status: int, headers: Mapping[str, str]) -> Head:
    """Read what matters from an answer's headers (names in lower case).

    Nothing is trusted to be well-formed: what cannot be read is None.
    """
    length = _length(headers.get("content-length"))
    begin = end = total = None
    found = _RANGE.fullmatch(headers.get("content-range", ""))
    if found:
        total = None if found[3] == "*" else int(found[3])
        if found[1] is not None and int(found[1]) <= int(found[2]):
            begin, end = int(found[1]), int(found[2]) + 1
    encoding = headers.get("content-encoding", "").strip().lower()
    if status == OK:
        total = length if encoding in _PLAIN else None
    return Head(
        status=status,
        content_length=length,
        begin=begin,
        end=end,
        total_bytes=total,
        validator=_validator(headers),
        content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
        encoding="" if encoding == "identity" else encoding,
    )


def _length(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None  # noqa: PLR2004 -- 2**64 has 20 digits


def _validator(headers: Mapping[str, str]) -> str | None:
    """A strong ETag, else a Last-Modified that is a second older than the answer.

    RFC 9110, 8.8.2.2 says when a date is as good as a strong tag.
    """
    etag = headers.get("etag", "").strip()
    if etag:
        strong = etag.startswith('"') and etag.endswith('"') and len(etag) > len('""')
        return etag if strong and etag.isprintable() else None
    modified = headers.get("last-modified", "").strip()
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(modified)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return modified if age >= timedelta(seconds=1) else None
