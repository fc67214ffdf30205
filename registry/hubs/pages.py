"""Addresses of hubs' web pages: decisions without I/O."""

from urllib.parse import urlsplit

_USUAL_PORTS = frozenset({None, 80, 443})


def path_at(url: str, hosts: frozenset[str], address: str) -> str | None:
    """The path of an address, if it is one of this hub's; None if it is not.

    Args:
        url: The address.
        hosts: Names that the hub is known by.
        address: Where the user says it answers; its own path is taken off.

    Example:
        >>> path_at("https://hf.co/a/b", frozenset({"hf.co"}), "http://127.0.0.1:8080/hf")
        '/a/b'
        >>> path_at("http://127.0.0.1:8080/hf/a/b", frozenset(), "http://127.0.0.1:8080/hf")
        '/a/b'
    """
    try:
        parts, ours = urlsplit(url), urlsplit(address)
        host = (parts.hostname or "").lower()
        if host in hosts and parts.port in _USUAL_PORTS:
            return parts.path
        is_ours = (host, parts.port) == ((ours.hostname or "").lower(), ours.port)
    except ValueError:
        return None
    if is_ours and parts.path.startswith(f"{ours.path}/"):
        return parts.path.removeprefix(ours.path)
    return None
