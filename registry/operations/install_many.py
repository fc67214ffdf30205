"""Install several models, a few at once; one that fails does not stop the others."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from registry.domain.progress import Progress
from registry.errors import SdregError
from registry.operations.install import InstallReport, install
from registry.operations.plan_install import InstallPlan
from registry.operations.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Order:
    """One model that is asked for.

    Attributes:
        reference: In any form.
        sha256: The hash that its file must have, where the user knows it.
    """

    reference: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one order so far: a plan, then a report; or the error that ended it."""

    order: Order
    plan: InstallPlan | None = None
    report: InstallReport | None = None
    error: SdregError | None = None


def read_orders(text: str) -> tuple[Order, ...]:
    """The orders of a list: one reference a line, behind it the SHA-256 where it is known.

    Empty lines, and what follows a ``#`` that begins a word, say nothing.

    Example:
        >>> read_orders("hf:a/b:c.safetensors sha256:09ab  # the classic")
        (Order(reference='hf:a/b:c.safetensors', sha256='sha256:09ab'),)
    """
    orders = []
    for line in text.splitlines():
        words = f" {line}".partition(" #")[0].split()
        if words:
            orders.append(Order(words[0], words[1] if len(words) > 1 else None))
    return tuple(orders)


def plan_many(orders: Iterable[Order], plan: Callable[[Order], InstallPlan]) -> tuple[Outcome, ...]:
    """Plan each order; an order that cannot be planned keeps its error."""
    planned = []
    for order in orders:
        try:
            planned.append(Outcome(order, plan=plan(order)))
        except SdregError as error:
            planned.append(Outcome(order, error=error))
    return tuple(planned)


def install_many(
    planned: Sequence[Outcome], rooms: Rooms, progress: Progress, *, at_once: int
) -> tuple[Outcome, ...]:
    """Carry out what was planned, `at_once` models at a time.

    Interrupted, it keeps what has arrived: every download can go on.
    """

    def carry_out(outcome: Outcome) -> Outcome:
        if outcome.plan is None:
            return outcome
        try:
            return replace(outcome, report=install(outcome.plan, rooms, progress.another()))
        except SdregError as error:
            return replace(outcome, error=error)

    with ThreadPoolExecutor(at_once) as executor:
        futures = [executor.submit(carry_out, outcome) for outcome in planned]
        try:
            return tuple(future.result() for future in futures)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            rooms.downloader.break_off()
            raise
