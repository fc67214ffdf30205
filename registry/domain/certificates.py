"""What a certificate that is refused means for the user."""


def why_untrusted(told: str) -> str | None:
    """Say in words what TLS said about a certificate; None if that was not the matter.

    Example:
        >>> why_untrusted("certificate verify failed: certificate is not yet valid (_ssl.c:1000)")
        "its certificate is not valid at this time; look at this machine's clock"
        >>> why_untrusted("connection refused") is None
        True
    """
    if "certificate" not in told.lower():
        return None
    if "expired" in told or "not yet valid" in told:
        return "its certificate is not valid at this time; look at this machine's clock"
    if "ostname mismatch" in told or "IP address mismatch" in told:
        return "its certificate is for another host; a proxy or portal may sit in between"
    return "its certificate cannot be trusted"
