"""How a transfer behaves, and what it is held to."""

from dataclasses import dataclass, field, replace

from registry.domain.hashes import Hashes

MIB = 1024 * 1024
# What one source may cost while others are waiting: seconds, not minutes.
_HURRIED_ATTEMPTS, _HURRIED_STALL_S, _HURRIED_CONNECT_S, _HURRIED_WAIT_S = 2, 8.0, 5.0, 5.0


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """What the user may choose about transfers.

    Attributes:
        connections: At most so many at once for one file.
        connections_per_host: At most so many at once to one host, over all files; never fewer than
            one file may have.
        durable: Bytes are on the disk, not only in its cache, before the journal names them.
        connect_timeout_s: How long one connection attempt may take.
        stall_timeout_s: A connection that brings nothing for so long is given up.
        attempts_without_progress: So many losses in a row end the download; any byte resets them.
        rate_limit_bytes_per_s: Together, over all connections of all files; None is no limit.
        user_agent: How we name ourselves. Hubs refuse the default names of libraries.
        max_redirects: Hops that one request may take.
        first_wait_s: Pause after the first loss; it doubles with each one that follows.
        longest_wait_s: No pause is longer. A hub that asks for more gets its wish: we stop.
        lowest_bytes_per_s: A connection slower than this over `stall_timeout_s` is given up.
        lock_wait_s: How long we wait for another process that fetches the same file.
        single_below_bytes: Files shorter than this use one connection.
        checkpoint_every_s: How often the journal is written, at most.
        autov3_up_to_bytes: AutoV3 costs a second SHA-256; longer files get it only when it is
            the one hash that is known of them.
        refetch_wrong: Bytes that are not the promised ones are asked for once more, in one stream
            and past all caches.
        plain: Ask for the whole file in one stream, without ranges.
        fresh: Ask every cache on the way for the bytes as they are at the publisher.
    """

    connections: int = 16
    connections_per_host: int = 16
    durable: bool = True
    connect_timeout_s: float = 10.0
    stall_timeout_s: float = 30.0
    attempts_without_progress: int = 5
    rate_limit_bytes_per_s: int | None = None
    user_agent: str = "sdreg"
    max_redirects: int = 10
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    lowest_bytes_per_s: int = 256
    lock_wait_s: float = 24 * 3600.0
    single_below_bytes: int = 16 * MIB
    checkpoint_every_s: float = 1.0
    autov3_up_to_bytes: int = 1024 * MIB
    refetch_wrong: bool = True
    plain: bool = False
    fresh: bool = False

    def hurried(self) -> "TransferOptions":
        """The same, with the patience of somebody who can ask another source.

        Example:
            >>> TransferOptions().hurried().stall_timeout_s < TransferOptions().stall_timeout_s
            True
        """
        return replace(
            self,
            attempts_without_progress=min(self.attempts_without_progress, _HURRIED_ATTEMPTS),
            stall_timeout_s=min(self.stall_timeout_s, _HURRIED_STALL_S),
            connect_timeout_s=min(self.connect_timeout_s, _HURRIED_CONNECT_S),
            longest_wait_s=min(self.longest_wait_s, _HURRIED_WAIT_S),
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the catalog promises about a file.

    Attributes:
        size_bytes: Its exact length, None if not known.
        hashes: Its known hashes.
    """

    size_bytes: int | None = None
    hashes: Hashes = field(default_factory=Hashes)
