"""Tell somebody who is not at the keyboard: through a program of theirs, and through Apprise."""

import json
import logging
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

from registry.domain.source import Secret
from registry.domain.strangers_text import one_line, without_controls

_PATIENCE_S = 60.0
FIELDS_AS_VARIABLES = {
    "event": "SDREG_EVENT",
    "checked": "SDREG_CHECKED",
    "found": "SDREG_FOUND",
    "not_repaired": "SDREG_NOT_REPAIRED",
}
"""Which fields of a document the program gets as variables as well; and `SDREG_SUBJECT`."""


@dataclass(frozen=True, slots=True)
class NotifyWishes:
    """Who wants to be told.

    Attributes:
        command: A command line of the user's; no shell reads it.
        addresses: Addresses of Apprise with spaces between them.
        environment: What the command may know; no tokens.
    """

    command: str | None = None
    addresses: Secret | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def tell(
    subject: str, body: str, document: Mapping[str, object], wishes: NotifyWishes
) -> tuple[str, ...]:
    """Tell everybody who wants to be told; one who cannot be reached does not stop the others.

    Args:
        subject: One line.
        body: What a person reads.
        document: What a program reads: it must be JSON.
        wishes: Who wants to be told.

    Returns:
        A sentence for everybody who could not be told; no sentence holds an address.
    """
    subject, body = one_line(subject), without_controls(body, keep_lines=True)
    failures: list[str] = []
    if wishes.command is not None:
        failures += _run(wishes.command, subject, document, wishes.environment)
    if wishes.addresses is not None:
        failures += _send(wishes.addresses, subject, body)
    return tuple(failures)


def _run(
    command: str, subject: str, document: Mapping[str, object], environment: Mapping[str, str]
) -> Iterator[str]:
    words = shlex.split(command)
    told = {
        variable: str(document[name])
        for name, variable in FIELDS_AS_VARIABLES.items()
        if name in document
    }
    # What it says goes into a file: a pipe would stay open as long as anything that it started.
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(  # noqa: S603 -- the user's own command, without a shell
                words,
                input=json.dumps(document).encode() + b"\n",
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**environment, **told, "SDREG_SUBJECT": subject},
                timeout=_PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            yield f"{words[0]} of notify.command took longer than {_PATIENCE_S:.0f} seconds"
            return
        except OSError as error:
            yield f"{words[0]} of notify.command cannot be run: {error.strerror or error}"
            return
        if done.returncode:
            said.seek(0)
            last = said.read()[-1000:].decode(errors="replace").strip().rpartition("\n")[2]
            why = f": {one_line(last)}" if last else ""
            yield f"{words[0]} of notify.command ended with {done.returncode}{why}"


def _send(addresses: Secret, subject: str, body: str) -> Iterator[str]:
    if find_spec("apprise") is None:
        yield "notify.url needs Apprise: pip install 'sdreg[notify]'"
        return
    for number, address in enumerate(addresses.value.split(), 1):
        trouble = _send_to(address, subject, body)
        if trouble is not None:
            # Of an address only its kind is told: the rest may be a password.
            kind = one_line(address.partition("://")[0])
            yield f"address {number} of notify.url ({kind}://…) {trouble}"


def _send_to(address: str, subject: str, body: str) -> str | None:
    """Send to one address; returns what went wrong, None if nothing did."""
    import apprise  # noqa: PLC0415 -- an extra, and slow to load

    # Apprise logs addresses, passwords included.
    logger = logging.getLogger("apprise")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        service = apprise.Apprise.instantiate(address)
        if not isinstance(service, apprise.NotifyBase):
            return "is none that Apprise knows"
        took = service.notify(body=body, title=subject, notify_type=apprise.NotifyType.WARNING)
    finally:
        logger.disabled = was_disabled
    return None if took else "did not take it"
