"""Set up a timer of the system that calls sdreg, look at it, and take it away again."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from registry.errors import InvalidArgument, NoTimerSystem, SdregError
from registry.timers.cron import Cron
from registry.timers.launchd import Launchd
from registry.timers.system import Call, State, System, Writing
from registry.timers.systemd import Systemd
from registry.timers.windows import Windows

Answer = TypeVar("Answer")

# The first that answers is taken: systemd catches up what was missed, a crontab cannot.
SYSTEMS: tuple[System, ...] = (Systemd(), Launchd(), Windows(), Cron())


@dataclass(frozen=True, slots=True)
class TimerPlan:
    """What an install of a timer would do.

    Attributes:
        system: The kind of timer.
        state: How it lies there now; `CURRENT` means that there is nothing to do.
        writes: The texts, and where each is written.
        remarks: What the user should know, in sentences.
    """

    system: System
    state: State
    writes: tuple[Writing, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimersThere:
    """The timers of ours that are there.

    Attributes:
        there: The name of each kind, and how it lies there.
        troubles: Why another kind does not tell, or has something of the name that is not ours.
    """

    there: Mapping[str, State]
    troubles: tuple[SdregError, ...]


def timer_call(home: Path, *, default_home: Path, called_as: str, python: str) -> Call:
    """What a timer of this home calls, so that it works with an empty environment.

    Args:
        home: The folder that holds everything.
        default_home: The one that needs no name of its own.
        called_as: The first word of the command line that runs now.
        python: The interpreter that runs now.
    """
    script = Path(called_as).absolute()
    if script.stem == "sdreg" and script.is_file():
        sdreg: tuple[str, ...] = (str(script),)
    else:
        # Without -P a folder `registry` where the timer happens to start would be taken for us.
        sdreg = (python, "-P", "-m", "registry")
    digest = hashlib.sha256(str(home).encode(errors="surrogateescape")).hexdigest()
    name = "sdreg-audit" if home == default_home else f"sdreg-audit-{digest[:8]}"
    return Call(name, sdreg, home)


def plan_timer(call: Call, *, wanted: str | None) -> TimerPlan:
    """Say what would be written where. Changes nothing.

    The kind that is installed already stays, unless another one is wanted.

    Raises:
        InvalidArgument: No timer has the wanted name, or a path cannot be said in its words.
        NoTimerSystem: The wanted one is not here, or none at all.
        TimerNotOurs: Something of the timer's name was written by somebody else.
        TimerRefused: The system does not tell.
    """
    if wanted is not None:
        system = _named(wanted)
        if not system.answers():
            raise NoTimerSystem(wanted)
    else:
        answering = [each for each in SYSTEMS if each.answers()]
        if not answering:
            raise NoTimerSystem
        there = installed_timers(call).there
        system = next((each for each in answering if each.name in there), answering[0])
    state, writes = _asked(system.state, call), _asked(system.writes, call)
    others = [
        f"There is a timer of {name} as well: `sdreg audit schedule uninstall --with {name}`."
        for name in installed_timers(call).there
        if name != system.name
    ]
    return TimerPlan(system, state, writes, (*system.remarks(), *others))


def install_timer(plan: TimerPlan, call: Call) -> None:
    """Carry out a plan; one that is there already as it should be is not touched.

    Raises:
        TimerNotOurs: Something of the timer's name was written by somebody else.
        TimerRefused: The system does not want it; all is as it was before.
        StoreError: The disk refuses.
    """
    if plan.state is not State.CURRENT:
        plan.system.install(call)


def installed_timers(call: Call) -> TimersThere:
    """Look at every kind of timer; one that does not tell keeps no other from it."""
    there: dict[str, State] = {}
    troubles: list[SdregError] = []
    for system in SYSTEMS:
        try:
            state = _asked(system.state, call)
        except SdregError as error:
            troubles.append(error)
        else:
            if state is not State.ABSENT:
                there[system.name] = state
    return TimersThere(there, tuple(troubles))


def uninstall_timer(call: Call, *, wanted: str | None) -> tuple[str, ...]:
    """Take away exactly what is ours; returns the names of what went, none if nothing was there.

    Raises:
        InvalidArgument: No timer has the wanted name.
        TimerNotOurs: Something of the timer's name was written by somebody else; it stays.
        TimerRefused: The system does not let it go, or none tells.
        StoreError: The disk refuses.
    """
    if wanted is not None:
        system = _named(wanted)
        names = [] if _asked(system.state, call) is State.ABSENT else [wanted]
    else:
        found = installed_timers(call)
        names = list(found.there)
        if found.troubles and not names:
            raise found.troubles[0]
    for name in names:
        _named(name).uninstall(call)
    return tuple(names)


def _asked(question: Callable[[Call], Answer], call: Call) -> Answer:
    try:
        return question(call)
    except ValueError as error:
        raise InvalidArgument(f"the timer for {str(call.home)!r}", f"cannot be: {error}") from error


def _named(wanted: str) -> System:
    for system in SYSTEMS:
        if system.name == wanted:
            return system
    known = ", ".join(system.name for system in SYSTEMS)
    raise InvalidArgument(f"--with {wanted}", "is no kind of timer", f"It may be {known}.")
