"""Which version of each piece do most reads agree on: decisions without I/O."""

import itertools
from collections.abc import Iterable, Iterator, Mapping

Mixture = tuple[str, ...]
"""One digest for every piece of a file, in file order."""

# With more pieces in doubt than this, only the most voted mixture is worth a hashing pass.
_TRY_ALL_UP_TO = 3


class Ballot:
    """The votes of several reads of one file.

    Example:
        >>> ballot = Ballot(("a", "b", "c"))
        >>> ballot.cast({0: "a", 1: "x", 2: "c"})
        >>> ballot.contested
        (1,)
        >>> ballot.cast({1: "b"})
        >>> list(ballot.mixtures(limit=8))
        [('a', 'b', 'c'), ('a', 'x', 'c')]
    """

    def __init__(self, first: Iterable[str]) -> None:
        # Digest to votes, for every piece, in the order in which they were first seen.
        self._votes: list[dict[str, int]] = [{digest: 1} for digest in first]

    def cast(self, digests: Mapping[int, str]) -> None:
        """Count what one more read saw at these places."""
        for index, digest in digests.items():
            votes = self._votes[index]
            votes[digest] = votes.get(digest, 0) + 1

    @property
    def contested(self) -> tuple[int, ...]:
        """Pieces of which there is more than one version."""
        return tuple(index for index, votes in enumerate(self._votes) if len(votes) > 1)

    def mixtures(self, *, limit: int) -> Iterator[Mixture]:
        """At most so many files that the reads may be damaged copies of; most voted first.

        Among equals the newer version is preferred: it comes from a source that is better, or
        from behind fewer caches.
        """
        contested = self.contested
        ranked = [self._ranked(index) for index in contested]
        if len(contested) > _TRY_ALL_UP_TO:
            ranked = [versions[:1] for versions in ranked]
        ranks = itertools.product(*(range(len(versions)) for versions in ranked))
        for choice in itertools.islice(sorted(ranks, key=sum), limit):
            mixture = [next(iter(votes)) for votes in self._votes]
            for index, versions, rank in zip(contested, ranked, choice, strict=True):
                mixture[index] = versions[rank]
            yield tuple(mixture)

    def _ranked(self, index: int) -> list[str]:
        newest_first = reversed(self._votes[index].items())
        return [digest for digest, _ in sorted(newest_first, key=lambda vote: -vote[1])]
