"""Set up a timer of the system that calls sdreg, look at it, and take it away again."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registry.errors import InvalidArgument, NoTimerSystem
from registry.timers.cron import Cron
from registry.timers.launchd import Launchd
from registry.timers.system import Call, State, System, Writing
from registry.timers.systemd import Systemd
from registry.timers.windows import Windows

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
        there = [each for each in answering if each.state(call) is not State.ABSENT]
        system = (there or answering)[0]
    try:
        writes = system.writes(call)
    except ValueError as error:
        raise InvalidArgument(f"the timer for {call.home}", f"cannot be: {error}") from error
    others = [
        f"{name} calls sdreg as well; `sdreg audit schedule uninstall --with {name}` ends that."
        for name, _ in installed_timers(call)
        if name != system.name
    ]
    return TimerPlan(system, system.state(call), writes, (*system.remarks(), *others))


def install_timer(plan: TimerPlan, call: Call) -> None:
    """Carry out a plan; one that is there already as it should be is not touched.

    Raises:
        TimerNotOurs: Something of the timer's name was written by somebody else.
        TimerRefused: The system does not want it; all is as it was before.
        StoreError: The disk refuses.
    """
    if plan.state is not State.CURRENT:
        plan.system.install(call)


def installed_timers(call: Call) -> tuple[tuple[str, State], ...]:
    """The timers of ours that are there, by the name of their kind.

    Raises:
        TimerNotOurs: Something of a timer's name was written by somebody else.
        TimerRefused: A system does not tell.
    """
    return tuple(_there(call))


def uninstall_timer(call: Call, *, wanted: str | None) -> tuple[str, ...]:
    """Take away exactly what is ours; returns the names of what went, none if nothing was there.

    Raises:
        InvalidArgument: No timer has the wanted name.
        TimerNotOurs: Something of the timer's name was written by somebody else; it stays.
        TimerRefused: The system does not let it go.
        StoreError: The disk refuses.
    """
    chosen = SYSTEMS if wanted is None else (_named(wanted),)
    gone = [each for each in chosen if each.state(call) is not State.ABSENT]
    for system in gone:
        system.uninstall(call)
    return tuple(system.name for system in gone)


def _there(call: Call) -> Iterator[tuple[str, State]]:
    for system in SYSTEMS:
        state = system.state(call)
        if state is not State.ABSENT:
            yield system.name, state


def _named(wanted: str) -> System:
    for system in SYSTEMS:
        if system.name == wanted:
            return system
    known = ", ".join(system.name for system in SYSTEMS)
    raise InvalidArgument(f"--with {wanted}", "is no kind of timer", f"It may be {known}.")
