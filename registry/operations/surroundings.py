"""What an installation stands on: the walls of the sandbox, devices, hubs and the way to them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING

from registry.errors import SdregError
from registry.operations.health import Check, Health
from registry.pickles.sandbox import layers
from registry.smoke.machine import TorchBroken, ask_torch
from registry.smoke.run import has_extra, has_gpu, how_to_add

if TYPE_CHECKING:
    from registry.hubs.hub import Hub

_WALL_MISSING = (
    "nothing to do: files are still read without obeying them; this is one wall less behind that"
)
_NO_WAY = "check the network; what is installed works without it. `--offline` asks no hub"


def check_tokens(hubs: Iterable["Hub"], logged_in: Callable[[str], bool]) -> Iterator[Check]:
    """Whether there is a token for each hub that takes one; never which."""
    for hub in hubs:
        if hub.takes_leftovers:
            continue
        try:
            known = logged_in(hub.name)
        except SdregError as error:
            yield Check(hub.name, Health.BAD, str(error), error.hint)
            continue
        if known:
            yield Check(hub.name, Health.GOOD, f"a token for {hub.title} is known")
        else:
            says = f"no token for {hub.title}: gated files cannot be had"
            yield Check(hub.name, Health.NOTE, says, f"`sdreg login {hub.name}`")


def check_network(hubs: Iterable["Hub"], *, user_agent: str) -> tuple[Check, ...]:
    """Whether each hub can be reached, and through which proxy. Sends no token."""
    from registry.hubs.reach import reach  # noqa: PLC0415 -- brings httpx

    asked = [(hub, hub.address) for hub in hubs if hub.address is not None]
    if not asked:
        return ()
    with ThreadPoolExecutor(max_workers=len(asked)) as threads:
        answers = threads.map(lambda one: reach(one[1] or "", user_agent=user_agent), asked)
        return tuple(
            _reached(hub.name, address, answer.trouble, answer.proxy)
            for (hub, address), answer in zip(asked, answers, strict=True)
        )


def _reached(name: str, address: str | None, trouble: str | None, proxy: str | None) -> Check:
    way = f"{address} through the proxy {proxy}" if proxy else f"{address}"
    if trouble is None:
        return Check(f"network {name}", Health.GOOD, f"{way} answers")
    remedy = f"is the proxy {proxy} the right one? Else {_NO_WAY}" if proxy else _NO_WAY
    return Check(f"network {name}", Health.NOTE, f"{way} cannot be reached: {trouble}", remedy)


def check_device(environment: Mapping[str, str]) -> Check:
    """On what smoke tests would run. torch is asked in a process of its own.

    Args:
        environment: What that process may know of ours.
    """
    try:
        machine = ask_torch(environment)
    except TorchBroken as error:
        says = f"torch is installed and cannot be used: {error}"
        return Check("device", Health.NOTE, says, f"`{how_to_add()}`")
    if machine is None:
        says = "torch is not installed: `sdreg smoke` looks at weights, and paints nothing"
        return Check("device", Health.NOTE, says, f"`{how_to_add()}`")
    named = f" ({', '.join(machine.names)})" if machine.names else ""
    says = f"torch {machine.torch} uses {machine.kind}{named}"
    if machine.kind == "cpu" and has_gpu():
        return Check("device", Health.NOTE, f"{says}; the GPU is left alone", f"`{how_to_add()}`")
    if not has_extra():
        says = f"{says}; what else painting needs is not installed"
        return Check("device", Health.NOTE, says, f"`{how_to_add()}`")
    return Check("device", Health.GOOD, says)


def check_sandbox() -> Iterator[Check]:
    """The walls around the child that reads strangers' files."""
    try:
        walls = layers()
    except SdregError as error:
        yield Check("sandbox", Health.BAD, str(error), "files of strangers cannot be converted")
        return
    standing = [wall.name for wall in walls if wall.stands]
    if standing:
        yield Check("sandbox", Health.GOOD, f"closed by {', '.join(standing)}")
    for wall in walls:
        if not wall.stands:
            says = f"not there: {wall.says}"
            yield Check(f"sandbox {wall.name}", Health.NOTE, says, _WALL_MISSING)


def check_extra(what: str, module: str, otherwise: str) -> Check:
    """Whether an extra of ours is installed."""
    if find_spec(module):
        return Check(what, Health.GOOD, "installed")
    return Check(what, Health.NOTE, f"not installed: {otherwise}", f"`pip install 'sdreg[{what}]'`")
