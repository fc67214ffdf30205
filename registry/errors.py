"""Every way in which sdreg says no.

    SdregError                       .code  .hint  .exit_code  .retryable; facts are fields
    ├── UsageError            2      InvalidReference · UnknownModel · NotInstalled
    │                                · InvalidSettings · InvalidArgument
    ├── ResolveError          3      NoSuitableFile · AmbiguousReference
    ├── HubError              4      HubUnreachable* · RateLimited* · LoginRequired · AccessDenied
    │                                · GoneFromHub · UnexpectedAnswer
    ├── TransferError         5      ConnectionLost* · DownloadTimeout* · RemoteChanged*
    │                                · SizeMismatch · HashMismatch · HashDisputed · NotTheFile
    │                                · RequestRefused · UnprovenDownload · RefusedAddress
    ├── StoreError            6      NotEnoughSpace · StoreUnwritable · BlobMissing · BlobDamaged
    │                                · LinkRefused · PlaceTaken · InUse* · AuditRunning*
    ├── FormatError           7      NotAModelFile · MalformedHeader · UnreadableFile
    ├── UnsafeFile            8      PickleRefused
    ├── ConversionError       9      CannotConvert · CannotMerge · ConversionDiffers
    │                                · WorkStopped
    ├── CatalogError         11      CatalogInvalid · SchemaTooNew · CatalogDamaged · CatalogBusy*
    ├── OutsideError         12      NoTimerSystem · TimerRefused · TimerNotOurs · NotTold
    ├── HungUp              129
    ├── Interrupted         130
    └── Terminated          143

    * = retryable.  0 is done, 1 means findings were reported (verify, repair,
    export, doctor, demo), 10 that a model did not pass its smoke test; the last three
    are signals: 128 and the number of each.

An error is help: its text says what is wrong with which thing, and `hint` says what to do next.
Errors cross process borders: they pickle by their fields.
"""

from dataclasses import dataclass
from typing import Any, ClassVar


def _revive(kind: type["SdregError"], facts: dict[str, Any]) -> "SdregError":
    error = kind.__new__(kind)
    error.__dict__.update(facts)
    return error


class SdregError(Exception):
    """The family of all errors that sdreg raises on purpose.

    Attributes:
        code: Stable kebab-case name, for programs.
        exit_code: What the command line exits with.
        retryable: Whether doing the same thing later may succeed.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2
    retryable: ClassVar[bool] = False

    @property
    def hint(self) -> str | None:
        """What the user can do next, in one sentence; None if nothing helps."""
        return None

    @property
    def facts(self) -> dict[str, Any]:
        """What programs may want to know beside the code, for `--json`; empty for most."""
        return {}

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with `self.args`, which keyword-built
        # dataclasses leave empty.
        return _revive, (type(self), dict(self.__dict__))


# ── 2 · what was asked ────────────────────────────────────────────────────────────────────────────


class UsageError(SdregError):
    """The request itself cannot be right."""

    code: ClassVar[str] = "usage"
    exit_code: ClassVar[int] = 2


@dataclass(eq=False)
class InvalidReference(UsageError):
    """A text that names no model in any form we know."""

    text: str
    because: str

    code: ClassVar[str] = "invalid-reference"

    def __str__(self) -> str:
        return f"{self.text!r} is not a reference to a model: {self.because}"

    @property
    def hint(self) -> str:
        return (
            "Use a name (anything-v3), civitai:ID@VERSION+FILE, hf:owner/repo@rev:path, "
            "urn:air:…, an https:// address, or sha256:…"
        )


@dataclass(eq=False)
class UnknownModel(UsageError):
    """A well-formed name that the catalog does not hold."""

    name: str
    did_you_mean: tuple[str, ...] = ()

    code: ClassVar[str] = "unknown-model"

    def __str__(self) -> str:
        return f"the catalog knows no model called {self.name!r}"

    @property
    def hint(self) -> str:
        if self.did_you_mean:
            return f"Did you mean {' or '.join(self.did_you_mean)}?"
        return f"Try `sdreg search {self.name}`, or give a reference such as civitai:66."


@dataclass(eq=False)
class NotInstalled(UsageError):
    """A model that may be known, but nothing of it is on this disk."""

    name: str

    code: ClassVar[str] = "not-installed"

    def __str__(self) -> str:
        return f"nothing called {self.name!r} is installed"

    @property
    def hint(self) -> str:
        return f"`sdreg list --installed` shows what is; `sdreg install {self.name}` brings it in."


@dataclass(eq=False)
class InvalidSettings(UsageError):
    """A setting that cannot be used as it is written."""

    key: str
    because: str
    where: str

    code: ClassVar[str] = "invalid-settings"

    def __str__(self) -> str:
        return f"the setting {self.key} in {self.where} {self.because}"

    @property
    def hint(self) -> str:
        return "See `sdreg config` for every setting, its value and where it comes from."


@dataclass(eq=False)
class InvalidArgument(UsageError):
    """An argument of a command that cannot be used."""

    what: str
    because: str
    advice: str | None = None

    code: ClassVar[str] = "invalid-argument"

    def __str__(self) -> str:
        return f"{self.what} {self.because}"

    @property
    def hint(self) -> str | None:
        return self.advice


# ── 3 · which file ────────────────────────────────────────────────────────────────────────────────


class ResolveError(SdregError):
    """The model is known, but no single file of it can be chosen."""

    code: ClassVar[str] = "resolve"
    exit_code: ClassVar[int] = 3


@dataclass(eq=False)
class NoSuitableFile(ResolveError):
    """Every file of the model was rejected; the reasons are sentences."""

    reference: str
    rejections: tuple[str, ...] = ()

    code: ClassVar[str] = "no-suitable-file"

    def __str__(self) -> str:
        lines = "".join(f"\n  {line}" for line in self.rejections)
        return f"no file of {self.reference} fits what was asked{':' if lines else ''}{lines}"

    @property
    def hint(self) -> str:
        return f"`sdreg why {self.reference}` tells the whole story; `--file ID` takes one anyway."


@dataclass(eq=False)
class AmbiguousReference(ResolveError):
    """Several things answer to this reference."""

    reference: str
    candidates: tuple[str, ...]

    code: ClassVar[str] = "ambiguous-reference"

    def __str__(self) -> str:
        return f"{self.reference} may mean {', '.join(self.candidates)}"

    @property
    def hint(self) -> str:
        example = f", for example `{self.candidates[0]}`" if self.candidates else ""
        return f"Name one of them{example}."


# ── 4 · hubs ──────────────────────────────────────────────────────────────────────────────────────


class HubError(SdregError):
    """A hub did not give what was asked of it."""

    code: ClassVar[str] = "hub"
    exit_code: ClassVar[int] = 4


@dataclass(eq=False)
class HubUnreachable(HubError):
    """No answer came from the hub."""

    hub: str
    because: str

    code: ClassVar[str] = "hub-unreachable"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.hub} cannot be reached: {self.because}"

    @property
    def hint(self) -> str:
        return "Check the network and try again; what was downloaded so far is kept."


@dataclass(eq=False)
class RateLimited(HubError):
    """The hub asks us to slow down for longer than we are willing to wait here."""

    hub: str
    wait_s: float | None = None

    code: ClassVar[str] = "rate-limited"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        wait = "" if self.wait_s is None else f" for {self.wait_s:.0f} seconds"
        return f"{self.hub} asks to slow down{wait}"

    @property
    def hint(self) -> str:
        return "Run the same command later; it goes on where it was."


@dataclass(eq=False)
class LoginRequired(HubError):
    """The hub gives this file only to somebody it knows."""

    hub: str
    what: str

    code: ClassVar[str] = "login-required"

    def __str__(self) -> str:
        return f"{self.hub} gives {self.what} only to users who are logged in"

    @property
    def hint(self) -> str:
        return f"Run `sdreg login {self.hub}` with a token of your account, then try again."


@dataclass(eq=False)
class AccessDenied(HubError):
    """The hub knows who asks and still says no: gated, early access, downloads disabled."""

    hub: str
    what: str
    because: str
    advice: str | None = None

    code: ClassVar[str] = "access-denied"

    def __str__(self) -> str:
        return f"{self.hub} does not give {self.what}: {self.because}"

    @property
    def hint(self) -> str | None:
        return self.advice


@dataclass(eq=False)
class GoneFromHub(HubError):
    """The hub has no such thing, or has it no longer."""

    hub: str
    what: str
    because: str = "there is nothing under this address"

    code: ClassVar[str] = "gone-from-hub"

    def __str__(self) -> str:
        return f"{self.what} is not at {self.hub}: {self.because}"

    @property
    def hint(self) -> str:
        return "Another source may hold the same bytes: `sdreg show NAME` lists them."


@dataclass(eq=False)
class UnexpectedAnswer(HubError):
    """The hub answered in a way that its documentation does not allow."""

    hub: str
    what: str

    code: ClassVar[str] = "unexpected-answer"

    def __str__(self) -> str:
        return f"{self.hub} answered in an unexpected way: {self.what}"

    @property
    def hint(self) -> str:
        return "The hub may have changed or a proxy may sit in between; try again later."


# ── 5 · transfers ─────────────────────────────────────────────────────────────────────────────────

CAUSES = {
    "cut": "the file is incomplete: it ends before its last byte",
    "not-a-model": "it is a page, a message or a pointer, not a model",
    "replaced": "the publisher replaced the file: the hub names these bytes now",
    "wrong-hash": "the published hash is wrong, or the file was replaced without a word",
    "damaged": "the bytes change on their way: no two reads are alike",
    "unclear": "it could be read only once, so nobody can tell why",
}
"""Why bytes are not the promised ones: the word for programs, the sentence for people."""

_NEXT = {
    "cut": "Try again later, or look for another source with `sdreg show NAME`.",
    "not-a-model": "Open the address in a browser: it may ask for a login or say that the file is "
    "gone.",
    "replaced": "Run `sdreg catalog refresh NAME` and look again, or name the new hash with "
    "`--accept-disputed`.",
    "damaged": "A bad line, proxy or disk on the way is likely: try again from another network.",
    "unclear": "Try again, then compare with `sdreg show NAME --hashes`.",
}


def _because(cause: str | None) -> str:
    return f": {CAUSES[cause]}" if cause in CAUSES else ""


class TransferError(SdregError):
    """Bytes did not arrive, or are not the promised ones."""

    code: ClassVar[str] = "transfer"
    exit_code: ClassVar[int] = 5


@dataclass(eq=False)
class ConnectionLost(TransferError):
    """The connection broke more often than we try again without progress."""

    source: str
    at_byte: int
    because: str

    code: ClassVar[str] = "connection-lost"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"the connection to {self.source} was lost at byte {self.at_byte}: {self.because}"

    @property
    def hint(self) -> str:
        return "Run the same command again: it goes on where it was."


@dataclass(eq=False)
class DownloadTimeout(TransferError):
    """The server stopped sending."""

    source: str
    at_byte: int
    waited_s: float

    code: ClassVar[str] = "download-timeout"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.source} sent nothing for {self.waited_s:.0f} seconds at byte {self.at_byte}"

    @property
    def hint(self) -> str:
        return "Run the same command again: it goes on where it was."


@dataclass(eq=False)
class RemoteChanged(TransferError):
    """The file on the server is not the one the download began with."""

    source: str
    because: str

    code: ClassVar[str] = "remote-changed"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"the file at {self.source} changed while it was downloaded: {self.because}"

    @property
    def hint(self) -> str:
        return "Run the same command again to begin anew with the file as it is now."


@dataclass(eq=False)
class SizeMismatch(TransferError):
    """The server's file has another length than the one we were promised."""

    file_name: str
    expected_bytes: int
    got_bytes: int
    source: str
    cause: str | None = None

    code: ClassVar[str] = "size-mismatch"

    def __str__(self) -> str:
        return (
            f"{self.file_name} from {self.source} has {self.got_bytes} bytes, "
            f"but the catalog knows it with {self.expected_bytes}{_because(self.cause)}"
        )

    @property
    def hint(self) -> str:
        if self.cause == "cut":
            return "Try again later, or look for another source with `sdreg show NAME`."
        return (
            "The publisher may have replaced the file: run `sdreg catalog refresh` and look again."
        )

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "expected_bytes": self.expected_bytes,
            "got_bytes": self.got_bytes,
            "source": self.source,
        }


@dataclass(eq=False)
class HashMismatch(TransferError):
    """All bytes arrived, but they are not the promised file."""

    file_name: str
    expected: str
    got: str
    source: str
    kept_at: str | None = None
    cause: str | None = None

    code: ClassVar[str] = "hash-mismatch"

    def __str__(self) -> str:
        kept = f"\n  kept at  {self.kept_at}" if self.kept_at else ""
        cause = f"\n  cause    {CAUSES[self.cause]}" if self.cause in CAUSES else ""
        return (
            f"{self.file_name} from {self.source} is not the promised file:\n"
            f"  expected {self.expected}\n"
            f"  got      {self.got}{kept}{cause}"
        )

    @property
    def hint(self) -> str:
        return f"Nothing was installed. {_NEXT.get(self.cause or '', _NEXT['unclear'])}"

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "expected": self.expected,
            "got": self.got,
            "source": self.source,
            "kept_at": self.kept_at,
        }


@dataclass(eq=False)
class HashDisputed(TransferError):
    """Whole reads agree with each other, and not with the hash that was promised."""

    file_name: str
    promised: str
    seen: str
    sources: tuple[str, ...]
    kept_at: str | None = None

    code: ClassVar[str] = "hash-disputed"
    cause: ClassVar[str] = "wrong-hash"

    def __str__(self) -> str:
        kept = f"\n  kept at  {self.kept_at}" if self.kept_at else ""
        several = len(self.sources) > 1
        who = "several sources agree on" if several else "two whole reads agree on"
        return (
            f"the hash of {self.file_name} is disputed: {who} other bytes than were promised:\n"
            f"  promised {self.promised}\n"
            f"  seen     {self.seen}\n"
            f"  from     {', '.join(self.sources)}{kept}\n"
            f"  cause    {CAUSES[self.cause]}"
        )

    @property
    def hint(self) -> str:
        digits = self.seen.rpartition(":")[2]
        return (
            "Nothing was installed. If you trust these bytes, run the same command with "
            f"`--accept-disputed {digits}`; they will count as accepted, not as proven."
        )

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "cause": self.cause,
            "expected": self.promised,
            "got": self.seen,
            "sources": list(self.sources),
            "kept_at": self.kept_at,
        }


@dataclass(eq=False)
class NotTheFile(TransferError):
    """The server sent something else under this address: a page, an error, a pointer."""

    source: str
    what: str

    code: ClassVar[str] = "not-the-file"
    cause: ClassVar[str] = "not-a-model"

    def __str__(self) -> str:
        return f"{self.source} sent {self.what} instead of the file"

    @property
    def facts(self) -> dict[str, Any]:
        return {"cause": self.cause, "source": self.source, "what": self.what}

    @property
    def hint(self) -> str:
        return "Open the address in a browser: it may ask for a login or say that the file is gone."


@dataclass(eq=False)
class RequestRefused(TransferError):
    """The server answered a request for bytes with an error status."""

    source: str
    status: int
    reason: str = ""

    code: ClassVar[str] = "request-refused"

    def __str__(self) -> str:
        return f"{self.source} answered with status {self.status} {self.reason}".rstrip()

    @property
    def hint(self) -> str:
        match self.status:
            case 401 | 403:
                return "It may need a login: see `sdreg login --help`."
            case 404 | 410:
                return "Nothing is there any more; look for another source with `sdreg show NAME`."
            case _:
                return "Try again later."


@dataclass(eq=False)
class UnprovenDownload(TransferError):
    """Nothing is known that could prove these bytes, and the way they came is not safe."""

    source: str
    because: str

    code: ClassVar[str] = "unproven-download"

    def __str__(self) -> str:
        return f"{self.source} cannot be proven: {self.because}"

    @property
    def hint(self) -> str:
        return "Give the hash that you expect: `--sha256 …`."


@dataclass(eq=False)
class RefusedAddress(TransferError):
    """An address that we do not speak to: a private one behind a public one, or no http at all."""

    address: str
    because: str

    code: ClassVar[str] = "refused-address"

    def __str__(self) -> str:
        return f"refused to fetch from {self.address}: {self.because}"

    @property
    def hint(self) -> str:
        return "If you trust this address, give it yourself: `sdreg install URL --sha256 …`."


# ── 6 · the store ─────────────────────────────────────────────────────────────────────────────────


class StoreError(SdregError):
    """The disk did not do what it should."""

    code: ClassVar[str] = "store"
    exit_code: ClassVar[int] = 6


@dataclass(eq=False)
class NotEnoughSpace(StoreError):
    """The file does not fit."""

    path: str
    needed_bytes: int
    free_bytes: int

    code: ClassVar[str] = "not-enough-space"

    def __str__(self) -> str:
        return (
            f"{self.path} has {self.free_bytes:,} bytes free, but {self.needed_bytes:,} are needed"
        )

    @property
    def hint(self) -> str:
        return "Free some space (`sdreg list --installed`), or move SDREG_HOME to a larger disk."


@dataclass(eq=False)
class StoreUnwritable(StoreError):
    """A file or folder of the store cannot be read or written."""

    path: str
    because: str

    code: ClassVar[str] = "store-unwritable"

    def __str__(self) -> str:
        return f"{self.path} cannot be used: {self.because}"

    @property
    def hint(self) -> str:
        return "Check the permissions and the disk, or set SDREG_HOME to another folder."


@dataclass(eq=False)
class BlobMissing(StoreError):
    """The record says it is here, the disk says no."""

    sha256: str
    path: str

    code: ClassVar[str] = "blob-missing"

    def __str__(self) -> str:
        return f"the stored file {self.sha256[:12]}… is missing at {self.path}"

    @property
    def hint(self) -> str:
        return "Run `sdreg verify` to see what else is missing, then `sdreg repair`."


@dataclass(eq=False)
class BlobDamaged(StoreError):
    """A stored file is not what its name says."""

    sha256: str
    path: str
    because: str

    code: ClassVar[str] = "blob-damaged"

    def __str__(self) -> str:
        return f"the stored file {self.sha256[:12]}… at {self.path} is damaged: {self.because}"

    @property
    def hint(self) -> str:
        return "Run `sdreg repair`: it fetches only the damaged pieces."


@dataclass(eq=False)
class LinkRefused(StoreError):
    """No kind of link and no copy could be made."""

    path: str
    because: str

    code: ClassVar[str] = "link-refused"

    def __str__(self) -> str:
        return f"{self.path} could not be linked: {self.because}"

    @property
    def hint(self) -> str:
        return "Check that the folder exists and can be written, then run `sdreg link`."


@dataclass(eq=False)
class PlaceTaken(StoreError):
    """Something that is not ours lies where we would put a file."""

    path: str

    code: ClassVar[str] = "place-taken"

    def __str__(self) -> str:
        return f"{self.path} exists already and is not ours; it was left as it is"

    @property
    def hint(self) -> str:
        return "Move or rename that file, then run `sdreg link`."


@dataclass(eq=False)
class InUse(StoreError):
    """Another process holds what we need, for longer than we wait."""

    what: str
    waited_s: float

    code: ClassVar[str] = "in-use"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.what} is in use by another process (waited {self.waited_s:.0f} seconds)"

    @property
    def hint(self) -> str:
        return "Wait until the other sdreg is done, then try again."


@dataclass(eq=False)
class AuditRunning(StoreError):
    """Another process is auditing this home."""

    code: ClassVar[str] = "audit-running"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return "another audit is at work; there is one at a time"

    @property
    def hint(self) -> str:
        return "Wait until it is done; `sdreg audit history` shows how far it is."


# ── 7, 8 · what a file is ─────────────────────────────────────────────────────────────────────────


class FormatError(SdregError):
    """A file is not what a model file must be."""

    code: ClassVar[str] = "format"
    exit_code: ClassVar[int] = 7


@dataclass(eq=False)
class NotAModelFile(FormatError):
    """The content is of a kind that no model has."""

    path: str
    what: str

    code: ClassVar[str] = "not-a-model-file"

    def __str__(self) -> str:
        return f"{self.path} is {self.what}, not a model file"

    @property
    def hint(self) -> str:
        return "The address may lead to a page about the model instead of the model."


@dataclass(eq=False)
class MalformedHeader(FormatError):
    """The file claims a format and breaks its rules."""

    path: str
    because: str
    offset: int | None = None

    code: ClassVar[str] = "malformed-header"

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        return f"{self.path} is malformed{where}: {self.because}"

    @property
    def hint(self) -> str:
        return "It may be cut off or damaged: download it again."


@dataclass(eq=False)
class UnreadableFile(FormatError):
    """A file that somebody named cannot be opened or read."""

    path: str
    because: str

    code: ClassVar[str] = "unreadable-file"

    def __str__(self) -> str:
        return f"{self.path} cannot be read: {self.because}"

    @property
    def hint(self) -> str:
        return "Check the path and its permissions."


@dataclass(eq=False)
class UnsafeFile(SdregError):
    """A file that could run code when it is opened.

    Its own branch of the tree: nobody swallows it together with `FormatError`.
    """

    path: str
    because: str

    code: ClassVar[str] = "unsafe-file"
    exit_code: ClassVar[int] = 8

    def __str__(self) -> str:
        return f"{self.path} is not safe to use: {self.because}"

    @property
    def hint(self) -> str:
        return "Look for a safetensors variant: `sdreg why NAME`."


@dataclass(eq=False)
class PickleRefused(UnsafeFile):
    """A torch file with something in it that we do not take: code, mostly.

    Attributes:
        name: What it is: ``posix.system``, a type of number, an operation.
        offset: The byte of the file at which it stands.
    """

    name: str | None = None
    offset: int | None = None

    code: ClassVar[str] = "pickle-refused"

    def __str__(self) -> str:
        return f"{self.path} is refused: {self.because}"

    @property
    def hint(self) -> str:
        return "`sdreg scan` tells everything about it; docs/pickles.md says what is refused, why."


# ── 9 · another form ──────────────────────────────────────────────────────────────────────────────


class ConversionError(SdregError):
    """A file could not be made from another one. Nothing was written, the source is as it was."""

    code: ClassVar[str] = "conversion"
    exit_code: ClassVar[int] = 9


@dataclass(eq=False)
class CannotConvert(ConversionError):
    """A file can be read, but not be given the wished form."""

    path: str
    because: str
    advice: str | None = None

    code: ClassVar[str] = "cannot-convert"

    def __str__(self) -> str:
        return f"{self.path} cannot be converted: {self.because}"

    @property
    def hint(self) -> str | None:
        return self.advice or "The file is as it was, and nothing was written."


@dataclass(eq=False)
class CannotMerge(ConversionError):
    """Models that do not fit each other."""

    first: str
    second: str
    because: str

    code: ClassVar[str] = "cannot-merge"

    def __str__(self) -> str:
        return f"{self.first} and {self.second} cannot be merged: {self.because}"

    @property
    def hint(self) -> str:
        return "Merge models of one architecture; `sdreg inspect FILE` tells it."


@dataclass(eq=False)
class ConversionDiffers(ConversionError):
    """What was written is not what was read. It was thrown away."""

    path: str
    tensor: str

    code: ClassVar[str] = "conversion-differs"

    def __str__(self) -> str:
        return f"the tensor {self.tensor} was written to {self.path} with other bytes than it has"

    @property
    def hint(self) -> str:
        return "The disk or the memory may be failing, or the source was changed meanwhile."


@dataclass(eq=False)
class WorkStopped(ConversionError):
    """A child process that worked on a file ended before it was done.

    Attributes:
        task: What it was to do.
        cause: ``memory``, ``time`` or ``crashed``.
    """

    task: str
    cause: str
    because: str

    code: ClassVar[str] = "work-stopped"

    def __str__(self) -> str:
        return f"the work {self.task} was stopped: {self.because}"

    @property
    def hint(self) -> str:
        match self.cause:
            case "memory":
                return "Close other programs and try again; the file itself may also be at fault."
            case "time":
                return "Try again when the machine and its disk are less busy."
            case _:
                return "The file may be damaged: `sdreg scan FILE`. Else please report it."


# ── 11 · the catalog ──────────────────────────────────────────────────────────────────────────────


class CatalogError(SdregError):
    """The catalog cannot be read, written or understood."""

    code: ClassVar[str] = "catalog"
    exit_code: ClassVar[int] = 11


@dataclass(eq=False)
class CatalogInvalid(CatalogError):
    """A catalog file breaks its schema. Nothing of it was imported."""

    file: str
    where: str
    because: str

    code: ClassVar[str] = "catalog-invalid"

    def __str__(self) -> str:
        at = f", {self.where}" if self.where else ""
        return f"{self.file}{at}: {self.because}"

    @property
    def hint(self) -> str:
        return "Nothing was imported. docs/catalog-format.md describes every field."


@dataclass(eq=False)
class SchemaTooNew(CatalogError):
    """A newer sdreg wrote this catalog."""

    path: str
    found: str
    known: str

    code: ClassVar[str] = "schema-too-new"

    def __str__(self) -> str:
        return (
            f"{self.path} was written by a newer sdreg "
            f"(schema {self.found}, this one knows {self.known})"
        )

    @property
    def hint(self) -> str:
        return "Upgrade sdreg; the catalog was not touched."


@dataclass(eq=False)
class CatalogDamaged(CatalogError):
    """The database file is not a database, or its pages are broken."""

    path: str
    because: str

    code: ClassVar[str] = "catalog-damaged"

    def __str__(self) -> str:
        return f"the catalog {self.path} cannot be read: {self.because}"

    @property
    def hint(self) -> str:
        return (
            "`sdreg doctor --rebuild` sets it aside and makes a new one from the stored files, "
            "which stay as they are."
        )


@dataclass(eq=False)
class CatalogBusy(CatalogError):
    """Another process writes to the catalog for longer than we wait."""

    path: str
    waited_s: float

    code: ClassVar[str] = "catalog-busy"
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"the catalog {self.path} is busy (waited {self.waited_s:.0f} seconds)"

    @property
    def hint(self) -> str:
        return "Wait until the other sdreg is done, then try again."


# ── 12 · what stands around sdreg ─────────────────────────────────────────────────────────────────


class OutsideError(SdregError):
    """The system's timer, or whoever passes a message on, did not do what it was asked."""

    code: ClassVar[str] = "outside"
    exit_code: ClassVar[int] = 12


@dataclass(eq=False)
class NoTimerSystem(OutsideError):
    """Nothing here calls a program at set times, or not the kind that was asked for."""

    wanted: str | None = None

    code: ClassVar[str] = "no-timer-system"

    def __str__(self) -> str:
        if self.wanted is not None:
            return f"{self.wanted} is not here, or does not answer this user"
        return "nothing that answers this user can call sdreg every hour: no systemd, no crontab"

    @property
    def hint(self) -> str:
        return (
            "Let whatever you have call `sdreg audit scheduled` once an hour; see docs/schedule.md."
        )


@dataclass(eq=False)
class TimerRefused(OutsideError):
    """A program of the system does not do what a timer needs."""

    program: str
    because: str

    code: ClassVar[str] = "timer-refused"

    def __str__(self) -> str:
        return f"{self.program} refused: {self.because}"

    @property
    def hint(self) -> str:
        return "`sdreg audit schedule` tells what is there; `--with` takes another kind of timer."


@dataclass(eq=False)
class TimerNotOurs(OutsideError):
    """Something of the timer's name is there, and sdreg did not write it."""

    place: str

    code: ClassVar[str] = "timer-not-ours"

    def __str__(self) -> str:
        return f"{self.place} was not written by sdreg; it was left as it is"

    @property
    def hint(self) -> str:
        return "Move or rename it, or take another kind of timer by `--with`."


@dataclass(eq=False)
class NotTold(OutsideError):
    """A notification did not reach everybody."""

    reasons: tuple[str, ...]

    code: ClassVar[str] = "not-told"

    def __str__(self) -> str:
        return "the notification was not passed on: " + "; ".join(self.reasons)

    @property
    def hint(self) -> str:
        return "Correct notify.command or notify.url; `sdreg config` shows where each is set."


@dataclass(eq=False)
class Interrupted(SdregError):
    """The user asked us to stop. What was done is kept."""

    what: str
    again: str | None = None

    code: ClassVar[str] = "interrupted"
    exit_code: ClassVar[int] = 130
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.what} was interrupted"

    @property
    def hint(self) -> str:
        return _go_on(self.again)


@dataclass(eq=False)
class Terminated(SdregError):
    """The system asked us to stop (SIGTERM). What was done is kept."""

    what: str
    again: str | None = None

    code: ClassVar[str] = "terminated"
    exit_code: ClassVar[int] = 143
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.what} was terminated"

    @property
    def hint(self) -> str:
        return _go_on(self.again)


@dataclass(eq=False)
class HungUp(SdregError):
    """The terminal was closed (SIGHUP). What was done is kept."""

    what: str
    again: str | None = None

    code: ClassVar[str] = "hung-up"
    exit_code: ClassVar[int] = 129
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.what} lost its terminal"

    @property
    def hint(self) -> str:
        return _go_on(self.again)


def _go_on(again: str | None) -> str:
    if again is None:
        return "Run the same command again: it goes on where it was."
    return f"Run `{again}` again: it goes on where it was."
