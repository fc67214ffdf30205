"""Hashes of files, in the kinds that this field uses.

Definitions: AutoV1 is the SHA-256 of 64 KiB at offset 1 MiB (8 digits), AutoV2 the first ten
digits of the file's SHA-256, AutoV3 the SHA-256 of everything behind a safetensors header (12
digits in Civitai's database, 64 in newer answers).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class HashKind(StrEnum):
    """Algorithm and scope of a hash. The value is its name in every text we write."""

    SHA256 = "sha256"
    BLAKE3 = "blake3"
    AUTOV1 = "autov1"
    AUTOV2 = "autov2"
    AUTOV3 = "autov3"
    CRC32 = "crc32"


_LENGTHS: dict[HashKind, frozenset[int]] = {
    HashKind.SHA256: frozenset({64}),
    HashKind.BLAKE3: frozenset({64}),
    HashKind.AUTOV1: frozenset({8}),
    HashKind.AUTOV2: frozenset({10}),
    HashKind.AUTOV3: frozenset({12, 64}),
    HashKind.CRC32: frozenset({8}),
}
_HEXADECIMAL = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True, order=True)
class Hash:
    """One hash of one file, e.g. ``sha256:6ce0…``.

    Attributes:
        kind: Algorithm and scope.
        digits: Lower-case hexadecimal, as many as the kind has.

    Raises:
        ValueError: `digits` is not hexadecimal of the right length.

    Example:
        >>> full = Hash.parse("SHA256:" + "A5F58EB1C3" + "0" * 54)
        >>> full.proves(Hash.parse("autov2:a5f58eb1c3"))
        True
    """

    kind: HashKind
    digits: str

    def __post_init__(self) -> None:
        digits = self.digits.strip().lower()
        object.__setattr__(self, "digits", digits)
        if not _HEXADECIMAL.fullmatch(digits):
            raise ValueError(f"{self.digits!r} is not hexadecimal")
        if len(digits) not in _LENGTHS[self.kind]:
            wanted = " or ".join(str(n) for n in sorted(_LENGTHS[self.kind]))
            raise ValueError(f"a {self.kind} has {wanted} digits, not {len(digits)}")

    def __str__(self) -> str:
        return f"{self.kind}:{self.digits}"

    @classmethod
    def parse(cls, text: str) -> "Hash":
        """Read ``kind:digits``.

        Raises:
            ValueError: The kind is unknown or the digits do not fit it.
        """
        kind, _, digits = text.partition(":")
        return cls(HashKind(kind.strip().lower()), digits)

    def proves(self, other: "Hash") -> bool:
        """Say whether a file with this hash must have the `other` one as well.

        A SHA-256 proves the AutoV2 that is its beginning; a long AutoV3 proves a short one.
        """
        if self.kind is other.kind:
            return self.digits.startswith(other.digits)
        if self.kind is HashKind.SHA256 and other.kind is HashKind.AUTOV2:
            return self.digits.startswith(other.digits)
        return False


@dataclass(frozen=True, slots=True)
class Hashes:
    """What is known about one file's hashes; at most one of each kind.

    Example:
        >>> known = Hashes.of("sha256:" + "ab" * 32, "crc32:9b6c6647")
        >>> known.sha256 == "ab" * 32, known.blake3
        (True, None)
    """

    items: tuple[Hash, ...] = ()

    def __post_init__(self) -> None:
        kinds = [item.kind for item in self.items]
        if len(set(kinds)) != len(kinds):
            raise ValueError("two hashes of one kind")
        object.__setattr__(self, "items", tuple(sorted(self.items)))

    def __iter__(self) -> Iterator[Hash]:
        return iter(self.items)

    def __bool__(self) -> bool:
        return bool(self.items)

    @classmethod
    def of(cls, *texts: str) -> "Hashes":
        """Build from texts such as ``sha256:…``."""
        return cls(tuple(Hash.parse(text) for text in texts))

    @classmethod
    def collect(cls, hashes: Iterable[Hash]) -> "Hashes":
        """Keep the first hash of each kind."""
        first: dict[HashKind, Hash] = {}
        for item in hashes:
            first.setdefault(item.kind, item)
        return cls(tuple(first.values()))

    def get(self, kind: HashKind) -> Hash | None:
        """The hash of this kind, if known."""
        return next((item for item in self.items if item.kind is kind), None)

    @property
    def sha256(self) -> str | None:
        """Digits of the SHA-256, if known."""
        found = self.get(HashKind.SHA256)
        return found.digits if found else None

    @property
    def blake3(self) -> str | None:
        """Digits of the BLAKE3, if known."""
        found = self.get(HashKind.BLAKE3)
        return found.digits if found else None

    @property
    def can_prove(self) -> bool:
        """Whether a whole file can be proven by what is known here (a cryptographic, full hash)."""
        return self.sha256 is not None or self.blake3 is not None

    def contradictions(self, measured: "Hashes") -> tuple[tuple[Hash, Hash], ...]:
        """Pairs of (known, measured) hashes that cannot be of the same file.

        A known AutoV2 is held against a measured SHA-256, of which it must be the beginning.
        """
        return tuple(
            (known, got)
            for known in self.items
            for got in measured.items
            if _one_scale(known.kind, got.kind) and not (got.proves(known) or known.proves(got))
        )


def crc32_digits(value: int) -> str:
    """A CRC-32 as this field writes it: Civitai puts the lowest byte first.

    Example:
        >>> import zlib
        >>> crc32_digits(zlib.crc32(b"123456789")), f"{zlib.crc32(b'123456789'):08x}"
        ('2639f4cb', 'cbf43926')
    """
    return value.to_bytes(4, "little").hex()


def _one_scale(one: HashKind, other: HashKind) -> bool:
    return one is other or {one, other} == {HashKind.SHA256, HashKind.AUTOV2}
