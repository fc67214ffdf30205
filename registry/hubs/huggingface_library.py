"""How `huggingface_hub` is asked: with our name, our token, our patience, and in silence."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from registry.domain.source import Secret
from registry.domain.strangers_text import one_line
from registry.errors import (
    AccessDenied,
    GoneFromHub,
    HubError,
    HubUnreachable,
    InvalidReference,
    LoginRequired,
    RateLimited,
    SdregError,
    UnexpectedAnswer,
)
from registry.hubs import refusals
from registry.hubs.hub import HubSettings
from registry.hubs.patience import Patience, asked_wait_s

if TYPE_CHECKING:
    from huggingface_hub import HfApi

logger = logging.getLogger(__name__)

ADDRESS = "https://huggingface.co"

_T = TypeVar("_T")
_SERVER_ERROR = 500
_GATED = "its owner gives it only to those who accept the conditions"
_asking: ContextVar[bool] = ContextVar("asking", default=False)


class HubLibrary:
    """The library, and what must hold whenever it is used.

    Args:
        hub: Name of the hub, for errors.
        address: Where it answers.
        settings: Token, name and patience.
    """

    def __init__(self, hub: str, address: str, settings: HubSettings) -> None:
        self._hub = hub
        self._address = address
        self._settings = settings

    def api(self, token: str | None) -> "HfApi":
        """The library's door to the JSON API.

        Without a token it gets False, or it would look for one itself.
        """
        from huggingface_hub import HfApi  # noqa: PLC0415 -- it takes 150 ms

        return HfApi(
            endpoint=self._address,
            token=token or False,
            headers={"user-agent": self._settings.user_agent},
        )

    def ask(
        self, what: str, question: Callable[[str | None], _T], *, retries_itself: bool = False
    ) -> _T:
        """Ask, wait and ask again as the hub wishes, and say in our words what went wrong.

        Args:
            what: What is asked for, as people call it; errors say it.
            question: Called with the token, None if there is none.
            retries_itself: The library has its own patience there: ours would multiply it.

        Raises:
            InvalidReference: The library refuses the name.
            HubError: Hugging Face does not answer, or says no.
        """
        from huggingface_hub.errors import (  # noqa: PLC0415 -- it takes 150 ms
            HfHubHTTPError,
            HFValidationError,
            OfflineModeIsEnabled,
        )

        # httpx in 1.x and httpx2 in 2.x, handed out on request.
        from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # noqa: PLC0415

        patience = Patience(0 if retries_itself else self._settings.max_wait_s)
        with _in_silence():
            token = self._token()
            while True:
                try:
                    return question(token)
                except HfHubHTTPError as error:
                    status, headers = error.response.status_code, error.response.headers
                    asked_s = asked_wait_s(headers, now_s=time.time())
                    passes = status == refusals.TOO_MANY or status >= _SERVER_ERROR
                    wait_s = patience.wait_s(asked_s) if passes else None
                    if wait_s is None:
                        refused = self._refusal(what, status, headers, asked_s, token)
                        raise refused from error
                except OfflineModeIsEnabled as error:
                    raise HubUnreachable(self._hub, "HF_HUB_OFFLINE forbids it") from error
                except httpx.TransportError as error:
                    wait_s = None if refusals.is_untrusted(error) else patience.wait_s()
                    if wait_s is None:
                        raise HubUnreachable(self._hub, refusals.in_words(error)) from error
                except HFValidationError as error:
                    raise InvalidReference(what, "Hugging Face has no such names") from error
                except (httpx.HTTPError, httpx.InvalidURL, ImportError, *GARBAGE) as error:
                    raise self._unreadable(what, error) from error
                logger.info("%s: waiting %.1f seconds before asking again", self._hub, wait_s)
                self._settings.sleep(wait_s)

    def _token(self) -> str | None:
        """The user's token; that of the library's own login only for Hugging Face itself."""
        token = self._settings.token
        if token is None and self._address == ADDRESS:
            from huggingface_hub import get_token  # noqa: PLC0415 -- it takes 150 ms

            try:
                known = get_token()
            except OSError as error:
                logger.info("the login of huggingface_hub cannot be read: %s", error)
                known = None
            token = Secret(known) if known else None
        if token is None:
            return None
        return refusals.bearer(self._hub, token).removeprefix("Bearer ")

    def _unreadable(self, what: str, error: Exception) -> SdregError:
        # The library makes its client with the first question, and takes the system's proxies.
        if isinstance(error, ImportError) or "proxy" in str(error):
            return refusals.unusable_proxy()
        return UnexpectedAnswer(self._hub, f"nothing readable for {what}")

    def _refusal(
        self,
        what: str,
        status: int,
        headers: Mapping[str, str],
        asked_s: float | None,
        token: str | None,
    ) -> HubError:
        """The error that a status means; the hub's own headers tell more than the status."""
        told = one_line(headers.get("x-error-message", ""))
        match headers.get("x-error-code"):
            case "GatedRepo" if token is None:
                return LoginRequired(self._hub, what)
            case "GatedRepo":
                page = f"{ADDRESS}/{_repo_in(what)}"
                return AccessDenied(
                    self._hub, what, _GATED, f"Open {page}, accept them, then try again."
                )
            case "RevisionNotFound":
                return GoneFromHub(self._hub, what, "the repository has no such revision")
            case "EntryNotFound":
                return GoneFromHub(self._hub, what, "the repository has no such file")
        if status == refusals.UNAUTHORIZED and "credentials" in told.lower():
            return refusals.token_refused(self._hub, what)
        if status in {refusals.UNAUTHORIZED, refusals.NOT_FOUND}:
            # Who is not logged in gets a 401 for what does not exist and for what is private.
            return GoneFromHub(self._hub, what, "no such repository, or it is private")
        if status == refusals.FORBIDDEN and "disabled" in told.lower():
            return AccessDenied(self._hub, what, "access to it is disabled")
        if status == refusals.TOO_MANY:
            return RateLimited(self._hub, asked_s)
        logged_in = token is not None
        return refusals.refusal(self._hub, what, status, b"", logged_in=logged_in, told=told)


# What the library raises over answers of another shape than it expects.
GARBAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def _repo_in(what: str) -> str:
    return what.removeprefix("hf:").partition("@")[0].partition(":")[0]


class _OnlyStrangers(logging.Filter):
    """Lets pass what the library says to others, not what it says while we ask."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 -- of every filter
        return not _asking.get()


_only_strangers = _OnlyStrangers()


@contextmanager
def _in_silence() -> Iterator[None]:
    """Keep the library from writing to the terminal; our errors say what matters."""
    from huggingface_hub import HfApi  # noqa: F401, PLC0415 -- with it comes what it writes with

    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_only_strangers)
    before = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(before)
