"""What a hub's refusals mean: decisions without I/O."""

import json
import re
from collections.abc import Mapping

from registry.domain.certificates import why_untrusted
from registry.domain.source import Secret
from registry.domain.strangers_text import one_line
from registry.errors import (
    AccessDenied,
    GoneFromHub,
    HubError,
    HubUnreachable,
    InvalidSettings,
    LoginRequired,
    UnexpectedAnswer,
)

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, GONE, TOO_MANY, LEGAL = 401, 403, 404, 410, 429, 451
_SERVER_ERROR = 500
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_LOGIN = re.compile(r"\b(log|sign)[ -]?in\b|/login\b", re.IGNORECASE)


def refusal(
    hub: str, what: str, status: int, body: bytes, *, logged_in: bool, told: str = ""
) -> HubError:
    """The error that an error status of Civitai's kind means.

    Args:
        hub: Whom we asked.
        what: What we asked for, as people call it.
        status: HTTP status, 400 or more.
        body: The answer; JSON with ``error`` or ``message``, or anything else.
        logged_in: Whether a token was sent.
        told: What the hub says about it elsewhere.
    """
    facts = _object(body)
    told = told or _message(facts)
    match status:
        case 401 if "disabled" in told.lower():
            # No token helps: the creator of the model has switched downloads off.
            return AccessDenied(hub, what, told)
        case 401 if logged_in:
            return token_refused(hub, what)
        case 401:
            return LoginRequired(hub, what)
        case 403 if facts.get("error") == "Early Access" or "deadline" in facts:
            return _early_access(hub, what, facts.get("deadline"))
        case 403:
            return AccessDenied(hub, what, told or "it forbids it to this program or account")
        case 404:
            return GoneFromHub(hub, what, told or "there is nothing under this address")
        case 410:
            return GoneFromHub(hub, what, told or "it was archived")
        case 451:
            return AccessDenied(hub, what, told or "it may not be shown in your country")
        case _ if status >= _SERVER_ERROR:
            return HubUnreachable(hub, f"it answers with status {status}")
        case _:
            return UnexpectedAnswer(hub, f"status {status} {told}".rstrip() + f" for {what}")


def is_untrusted(error: Exception) -> bool:
    """Whether the hub could not prove who it is: asking again does not help."""
    return why_untrusted(str(error)) is not None


def in_words(error: Exception) -> str:
    """Why no answer came, as the HTTP library tells it, in one line."""
    told = one_line(str(error))
    return why_untrusted(told) or told or type(error).__name__


def unusable_proxy() -> InvalidSettings:
    """The error for a proxy of the environment that the HTTP library cannot use."""
    because = "names a proxy of a kind that sdreg does not speak; http:// is one it does"
    return InvalidSettings("HTTPS_PROXY", because, "the environment")


def not_json(hub: str, what: str, body: bytes) -> HubError:
    """The error that an answer means which should be JSON and is not."""
    text = body[:4096].decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if not text.startswith("<"):
        return UnexpectedAnswer(hub, f"no JSON for {what}")
    found = _TITLE.search(text)
    title = one_line(found[1]) if found else ""
    if _LOGIN.search(title):
        return LoginRequired(hub, what)
    named = f" “{title}”" if title else ""
    return UnexpectedAnswer(hub, f"a web page{named} instead of JSON for {what}")


def leads_to_login(location: str) -> bool:
    """Whether a redirect leads to a login page."""
    return _LOGIN.search(location) is not None


def token_refused(hub: str, what: str) -> AccessDenied:
    """The error for a token that the hub does not accept."""
    return AccessDenied(
        hub,
        what,
        "it does not accept the token that we sent",
        f"Run `sdreg login {hub}` with a new token, or `sdreg logout {hub}`.",
    )


def bearer(hub: str, token: Secret) -> str:
    """The header that carries a token.

    Raises:
        AccessDenied: The token holds what no header may hold. It is refused here because the
            HTTP library would say so with the token in its message.
    """
    value = token.value.strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise AccessDenied(
            hub,
            "anything",
            "the token that is set for it holds characters that no token has",
            f"Run `sdreg login {hub}` with the token alone.",
        )
    return f"Bearer {value}"


def _early_access(hub: str, what: str, deadline: object) -> AccessDenied:
    until = f" until {one_line(deadline)}" if isinstance(deadline, str) else ""
    return AccessDenied(
        hub, what, f"it is in early access{until}", "Wait until then, or buy access at the hub."
    )


def _object(body: bytes) -> Mapping[str, object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _message(facts: Mapping[str, object]) -> str:
    for key in ("message", "error"):
        told = facts.get(key)
        if isinstance(told, str):
            return one_line(told)
    return ""
