"""Install several models, a few at once; one that fails does not stop the others."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from registry.domain.progress import Progress
from registry.errors import SdregError
from registry.operations.find_model import find_models
from registry.operations.install import InstallReport, carry_out
from registry.operations.plan_install import InstallPlan, Terms, plan_found
from registry.operations.rooms import Rooms
from registry.resolve.preference import Preference


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


def plan_many(
    orders: Iterable[Order],
    wish: Preference,
    rooms: Rooms,
    *,
    model_type: str | None = None,
    keep_pickle: bool = False,
) -> tuple[Outcome, ...]:
    """Plan each order; an order that cannot be planned keeps its error.

    Raises:
        StoreError: The catalog takes nothing.
    """
    orders = tuple(orders)
    found = find_models(dict.fromkeys(order.reference for order in orders), wish, rooms)

    def planned(order: Order) -> Outcome:
        model = found[order.reference]
        if isinstance(model, SdregError):
            return Outcome(order, error=model)
        try:
            terms = Terms.read(sha256=order.sha256, model_type=model_type, keep_pickle=keep_pickle)
            return Outcome(order, plan=plan_found(model, terms, rooms))
        except SdregError as error:
            return Outcome(order, error=error)

    return tuple(planned(order) for order in orders)


def install_many(
    planned: Sequence[Outcome], rooms: Rooms, progress: Progress, *, at_once: int
) -> tuple[Outcome, ...]:
    """Carry out what was planned, `at_once` models at a time.

    Interrupted, it keeps what has arrived: every download can go on.
    """

    def work(outcome: Outcome) -> Outcome:
        if outcome.plan is None:
            return outcome
        try:
            return replace(outcome, report=carry_out(outcome.plan, rooms, progress.another()))
        except SdregError as error:
            return replace(outcome, error=error)

    with ThreadPoolExecutor(at_once) as executor:
        futures = [executor.submit(work, outcome) for outcome in planned]
        try:
            done = tuple(future.result() for future in futures)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            rooms.downloader.break_off()
            raise
    rooms.downloader.tidy()
    return done
