"""Where a blob lives, and names that are safe on every platform. Pure.

A publisher's file name is a stranger's text. What comes out of `safe_name` can be created on
Linux, Windows and macOS alike, whatever machine runs this: a library may lie on a drive that
travels, and a record must mean the same file everywhere.
"""

import hashlib
import re
import unicodedata
from pathlib import Path

# 255 bytes is what file systems take; the rest is for what UIs write beside a model
# (`<stem>.metadata.json`, `<stem>.preview.png`) and for our own short hash.
MAX_NAME_BYTES = 200
_LEAST_MAX_BYTES = 48
_FALLBACK = "model"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
# C0 and C1 controls, format characters (bidi, zero width), lone surrogates, separators of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Devices of Windows, with whatever suffix: aux.safetensors is a serial port there.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])")
# `.safetensors`, and the two parts of `.vae.safetensors`, which A1111 reads a meaning from.
_SUFFIX = re.compile(r"(?:\.vae)?\.[A-Za-z0-9_]{1,16}$", re.IGNORECASE)


def blob_path(root: Path, sha256: str) -> Path:
    """The file that holds the bytes with this hash.

    Example:
        >>> blob_path(Path("/sdreg"), "ab" * 32).relative_to("/sdreg").parts[:3]
        ('blobs', 'sha256', 'ab')

    Raises:
        ValueError: `sha256` is not 64 lower-case hexadecimal digits.
    """
    if not is_sha256(sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256 in lower case")
    return Path(root, "blobs", "sha256", sha256[:2], sha256)


def piece_map_path(root: Path, sha256: str) -> Path:
    """The file beside a blob that holds its piece map and what is known about it.

    Raises:
        ValueError: As `blob_path`.
    """
    path = blob_path(root, sha256)
    return path.with_name(f"{sha256}.json")


def is_sha256(text: str) -> bool:
    """Whether a text is a SHA-256 as we write it."""
    return _SHA256.fullmatch(text) is not None


def split_name(name: str) -> tuple[str, str]:
    """Stem and suffix of a file name; ``.vae`` belongs to the suffix.

    Example:
        >>> split_name("anything.v3.safetensors"), split_name("anything.vae.pt"), split_name("x")
        (('anything.v3', '.safetensors'), ('anything', '.vae.pt'), ('x', ''))
    """
    found = _SUFFIX.search(name)
    if found is None or found.start() == 0:
        return name, ""
    return name[: found.start()], found[0]


def safe_name(text: str, *, max_bytes: int = MAX_NAME_BYTES) -> str:
    r"""Make one file name of any text; what is safe already stays as it is.

    Never empty, never a path, never a device, never hidden; composed (NFC), without controls and
    without what turns the direction of text. A name that is too long keeps its suffix and gets a
    short hash of the whole, so that two long names stay two.

    Args:
        text: A publisher's file name, or anything else.
        max_bytes: Longest name to give, in bytes of UTF-8.

    Example:
        >>> [safe_name(text) for text in ("../../etc/passwd", r"C:\x.pt", "aux.safetensors", "..")]
        ['_.._etc_passwd', 'C__x.pt', '_aux.safetensors', 'model']

    Raises:
        ValueError: `max_bytes` leaves no room for a stem, a hash and a suffix.
    """
    if max_bytes < _LEAST_MAX_BYTES:
        raise ValueError(f"a name needs {_LEAST_MAX_BYTES} bytes, not {max_bytes}")
    name = _tidy(text, max_bytes)
    # Cutting can lay bare what the first pass had no reason to see: a dot at the end, a device.
    while (again := _tidy(name, max_bytes)) != name:
        name = again
    return name


def with_hash(name: str, sha256: str, *, max_bytes: int = MAX_NAME_BYTES) -> str:
    """A name for the second of two models that have one: a short hash before the suffix.

    Example:
        >>> with_hash("ink.vae.pt", "ab" * 32)
        'ink-abababab.vae.pt'
    """
    return with_mark(name, f"-{sha256[:8]}", max_bytes=max_bytes)


def with_mark(name: str, mark: str, *, max_bytes: int = MAX_NAME_BYTES) -> str:
    """`name` with `mark` before its suffix, the stem cut to what fits.

    Example:
        >>> with_mark("ink.pt", "-2")
        'ink-2.pt'
    """
    stem, suffix = split_name(name)
    room = max_bytes - len(f"{mark}{suffix}".encode())
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return f"{stem}{mark}{suffix}"


def same_name(one: str, other: str) -> bool:
    r"""Whether some file system takes two names for one: by case, or by the spelling of accents.

    Example:
        >>> same_name("A.pt", "a.PT"), same_name("é", "e\u0301"), same_name("a", "b")
        (True, True, False)
    """
    return folded(one) == folded(other)


def folded(name: str) -> str:
    """What two names have in common that some file system takes for one."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _tidy(text: str, max_bytes: int) -> str:
    name = unicodedata.normalize("NFC", text)
    name = "".join(" " if sign in "\t\n\r" else sign for sign in name if _is_seen(sign))
    name = unicodedata.normalize("NFC", _FORBIDDEN.sub("_", name))
    # Windows drops dots and spaces at the end; at the beginning a dot hides the file.
    name = name.strip(". \u00a0") or _FALLBACK
    if _RESERVED.fullmatch(name.partition(".")[0].strip().casefold()):
        name = f"_{name}"
    if len(name.encode()) <= max_bytes:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return with_mark(name, f"-{digest[:8]}", max_bytes=max_bytes)


def _is_seen(sign: str) -> bool:
    return sign in "\t\n\r" or unicodedata.category(sign) not in _UNSEEN
