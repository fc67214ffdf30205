"""What a file is, by its first bytes. The suffix is never asked.

It names what arrives in place of models: web pages, error documents, Git LFS pointers, pictures.
"""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path

from registry.domain.variant import FileFormat
from registry.formats.readable import Readable, readable
from registry.formats.zip_directory import member_names

HEAD_BYTES = 4096
"""As many first bytes as `sniff` looks at."""

_MAX_HEADER_BYTES = 100_000_000
_LFS = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\r?\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\r?\nsize (?P<size>\d{1,19})"
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_XML_CODE = re.compile(r"<(?:Code|Message)>([^<]{1,200})<")
_YAML = re.compile(r"\A(?:\s*#[^\n]*\n|\s*\n|---\s*\n)*[A-Za-z_][\w\-]*:(?:\s*\n|\s+\S)")
# Field 1 (version of the format) as a small number, then one of the producer's texts (2 to 6), or,
# where nobody signed, the graph (7): https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_ONNX = re.compile(
    rb"\x08[\x01-\x20](?:[\x12\x1a\x22\x32](?P<length>[\x01-\x40])(?P<producer>[\x20-\x7e]+)"
    rb"|\x3a(?P<graph>[\x80-\xff]{0,8}[\x00-\x7f])[\x0a\x12\x2a\x5a\x62])",
    re.DOTALL,
)
# How pickles of the first two protocols begin: a name to import, or a list or dictionary that is
# given a number at once. They look like text.
_OLD_PICKLE = re.compile(
    rb"c[A-Za-z_][\w.]*\r?\n[A-Za-z_][\w.]*\r?\n|\([dlit](?:p\d+\r?\n|q.)|[\]})](?:q.|\()"
    rb"|\((?:i[A-Za-z_][\w.]*\r?\n|c[A-Za-z_][\w.]*\r?\n|S'|V[^\n]*\np\d)",
    re.DOTALL,
)
_LONGEST_QUOTE = 80

_EMPTY = "an empty file"
_BLANK = "a file of nothing but white space"
_ZEROS = "a file that begins with nothing but zeros"
_UNKNOWN = "a file of an unknown kind"
_NOTHING_KNOWN = frozenset({_EMPTY, _BLANK, _ZEROS, _UNKNOWN})
_MODELS = frozenset({FileFormat.SAFETENSORS, FileFormat.PICKLE, FileFormat.GGUF, FileFormat.ONNX})

# The number that torch wrote first into its files before they were zips: 0x1950a86a20f9469cfc6c.
_LEGACY_TORCH = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

_MAGIC: tuple[tuple[bytes, FileFormat, str], ...] = (
    (b"GGUF", FileFormat.GGUF, "a GGUF file"),
    (b"\x89PNG\r\n\x1a\n", FileFormat.OTHER, "a PNG picture"),
    (b"\xff\xd8\xff", FileFormat.OTHER, "a JPEG picture"),
    (b"GIF8", FileFormat.OTHER, "a GIF picture"),
    (b"7z\xbc\xaf\x27\x1c", FileFormat.ZIP, "a 7z archive"),
    (b"Rar!\x1a\x07", FileFormat.ZIP, "a rar archive"),
    (b"\x1f\x8b", FileFormat.ZIP, "a gzip archive"),
    (b"BZh", FileFormat.ZIP, "a bzip2 archive"),
    (b"\xfd7zXZ\x00", FileFormat.ZIP, "an xz archive"),
    (b"\x28\xb5\x2f\xfd", FileFormat.ZIP, "a zstd archive"),
    (b"%PDF-", FileFormat.OTHER, "a PDF document"),
    (b"\x93NUMPY", FileFormat.OTHER, "a NumPy array"),
    (b"\x89HDF\r\n\x1a\n", FileFormat.OTHER, "an HDF5 file"),
    (b"\x7fELF", FileFormat.OTHER, "a program (ELF)"),
    (b"7767517\n", FileFormat.OTHER, "an ncnn network"),
    (b"MZ", FileFormat.OTHER, "a program (Windows)"),
    (_LEGACY_TORCH, FileFormat.PICKLE, "a torch checkpoint (legacy)"),
)


@dataclass(frozen=True, slots=True)
class LfsPointer:
    """The few lines that stand in a repository in place of a large file.

    Attributes:
        sha256: Digits of the hash of the file that it stands for.
        size_bytes: Length of that file.
    """

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the first bytes say.

    Attributes:
        format: Format, `OTHER` for what no model comes in.
        what: In words, with an article: ``a safetensors file``.
        pointer: What it stands for, where it is a Git LFS pointer.
    """

    format: FileFormat
    what: str
    pointer: LfsPointer | None = None

    @property
    def may_be_model(self) -> bool:
        """Whether models come in this format."""
        return self.format in _MODELS

    @property
    def is_nothing_known(self) -> bool:
        """Whether the first bytes tell nothing at all."""
        return self.what in _NOTHING_KNOWN


def sniff_file(path: Path) -> Sniffed:
    """Look at the beginning of a file, and at the table of contents of a zip.

    Raises:
        UnreadableFile: It cannot be opened or read.
    """
    with readable(path) as source:
        return sniff_readable(source)


def sniff_readable(source: Readable) -> Sniffed:
    """The same for a file that is open already, or lies elsewhere; reads a few kilobytes."""
    head = source.read(0, HEAD_BYTES)
    found = sniff(head, size_bytes=source.size_bytes)
    if head.startswith(b"PK\x03\x04"):
        return _by_members(member_names(source)) or found
    return found


def sniff(head: bytes, *, size_bytes: int | None = None) -> Sniffed:
    """Say what begins with these bytes. Never raises.

    Args:
        head: The first bytes, `HEAD_BYTES` of them or the whole file.
        size_bytes: Length of the whole file, if known.

    Example:
        >>> sniff(b"<!doctype html><title>Log in</title>").what
        'an HTML page ("Log in")'
    """
    if not head:
        return Sniffed(FileFormat.OTHER, _EMPTY)
    head = head[:HEAD_BYTES]
    if head.startswith(b"PK\x03\x04"):
        return _zip(head)
    if head.startswith(b"PK\x05\x06"):
        return Sniffed(FileFormat.ZIP, "an empty zip archive")
    for magic, format_, what in _MAGIC:
        if head.startswith(magic):
            return Sniffed(format_, what)
    if _looks_like_safetensors(head, size_bytes):
        return Sniffed(FileFormat.SAFETENSORS, "a safetensors file")
    return _binary(head, size_bytes) or _text(head) or Sniffed(FileFormat.OTHER, _UNKNOWN)


def _zip(head: bytes) -> Sniffed:
    from registry.formats.torch_file import first_member  # noqa: PLC0415 -- brings zipfile

    member = first_member(head) or ""
    folder, _, rest = member.partition("/")
    if rest in {"data.pkl", "byteorder", "version"} or rest.startswith((".data/", ".format")):
        return Sniffed(FileFormat.PICKLE, "a torch checkpoint (zip)")
    if folder and rest.startswith(("code/", "constants.pkl")):
        return Sniffed(FileFormat.PICKLE, "a TorchScript program (zip)")
    if member.endswith(".npy"):
        return Sniffed(FileFormat.OTHER, "a NumPy archive (npz)")
    return Sniffed(FileFormat.ZIP, "a zip archive")


def _by_members(names: tuple[str, ...]) -> Sniffed | None:
    """What a whole table of contents says; None where the first member says enough."""
    inner = {name.partition("/")[2] for name in names}
    has_code = "constants.pkl" in inner or any(name.startswith("code/") for name in inner)
    if "data.pkl" in inner and has_code:
        return Sniffed(FileFormat.PICKLE, "a TorchScript program (zip)")
    if "data.pkl" in inner:
        return Sniffed(FileFormat.PICKLE, "a torch checkpoint (zip)")
    if names and all(name.endswith(".npy") for name in names):
        return Sniffed(FileFormat.OTHER, "a NumPy archive (npz)")
    return None


def _looks_like_safetensors(head: bytes, size_bytes: int | None) -> bool:
    """Whether a length and an object follow each other; the strict reader says if they fit."""
    length = int.from_bytes(head[:8], "little")
    if not 2 <= length <= _MAX_HEADER_BYTES:  # noqa: PLR2004 - the shortest object is {}
        return False
    opening = head[8:].lstrip(b" \t\r\n")
    # A file that was cut right behind its length has nothing more to show.
    return opening.startswith(b"{") or (len(head) == 8 and size_bytes == 8)  # noqa: PLR2004


def _binary(head: bytes, size_bytes: int | None) -> Sniffed | None:
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Sniffed(FileFormat.OTHER, "a WebP picture")
    if head[257:262] == b"ustar":
        return Sniffed(FileFormat.ZIP, "a tar archive")
    if head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return Sniffed(FileFormat.PICKLE, "a Python pickle")
    if _OLD_PICKLE.match(head):
        return Sniffed(FileFormat.PICKLE, "a Python pickle")
    if head[4:8] == b"TFL3":
        return Sniffed(FileFormat.OTHER, "a TensorFlow Lite model")
    if (onnx := _ONNX.match(head)) and _is_signed_or_sized(onnx, size_bytes):
        return Sniffed(FileFormat.ONNX, "an ONNX model")
    if not head.strip(b"\0"):
        return Sniffed(FileFormat.OTHER, _ZEROS)
    return None


def _is_signed_or_sized(onnx: re.Match[bytes], size_bytes: int | None) -> bool:
    """Whether the producer's name is as long as it says, or the graph fits into the file."""
    if onnx["producer"] is not None:
        return len(onnx["producer"]) >= onnx["length"][0]
    groups = enumerate(onnx["graph"])
    length = sum((byte & 0x7F) << (7 * place) for place, byte in groups)
    return size_bytes is not None and 0 < length < size_bytes


def _text(head: bytes) -> Sniffed | None:
    try:
        # The last character may have been cut in two.
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return None
    if any(sign < " " and sign not in "\t\r\n\f" for sign in text):
        return None
    if pointer := _LFS.match(head):
        return Sniffed(
            FileFormat.OTHER,
            "a Git LFS pointer",
            LfsPointer(pointer["oid"].decode(), int(pointer["size"])),
        )
    bare = text.strip()
    if not bare:
        return Sniffed(FileFormat.OTHER, _BLANK)
    if bare.startswith("<"):
        return _markup(bare)
    if bare.startswith(("{", "[")):
        return _json(bare)
    if _YAML.match(text):
        return Sniffed(FileFormat.CONFIG, "a YAML configuration")
    return Sniffed(FileFormat.OTHER, f"a text file ({_quoted(bare)})")


def _markup(text: str) -> Sniffed:
    start = text[:1024].casefold()
    if "<html" in start or "<!doctype html" in start or "<head" in start:
        title = _TITLE.search(text)
        named = f" ({_quoted(html.unescape(title[1]))})" if title and title[1].strip() else ""
        return Sniffed(FileFormat.OTHER, f"an HTML page{named}")
    said = _XML_CODE.search(text)
    if "<error" in start or said:
        named = f" ({_quoted(html.unescape(said[1]))})" if said else ""
        return Sniffed(FileFormat.OTHER, f"an XML error{named}")
    return Sniffed(FileFormat.OTHER, "an XML document")


def _json(text: str) -> Sniffed:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return Sniffed(FileFormat.CONFIG, "a JSON document")
    if isinstance(value, dict):
        for key in ("error", "message", "detail"):
            said = value.get(key)
            if isinstance(said, dict):
                said = said.get("message")
            if isinstance(said, str):
                return Sniffed(FileFormat.OTHER, f"a JSON error ({_quoted(said)})")
    return Sniffed(FileFormat.CONFIG, "a JSON document")


def _quoted(text: str) -> str:
    """Somebody else's words on one line, without signs that would move a terminal's cursor."""
    flat = "".join(sign if sign.isprintable() else " " for sign in text)
    short = " ".join(flat.split())
    return f'"{short if len(short) <= _LONGEST_QUOTE else short[: _LONGEST_QUOTE - 1] + "…"}"'
