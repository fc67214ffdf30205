"""Certificates for servers on loopback, signed by an authority of our own; made by `openssl`."""

import ssl
import subprocess
from pathlib import Path

import pytest

NAMES = "IP:127.0.0.1,DNS:localhost,DNS:models.example"
_CONFIG = """
[ca]
default_ca = ours
[ours]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Authority:
    """Signs certificates.

    Args:
        folder: Where its files lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "authority.pem"
        self._key = folder / "authority.key"
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        (folder / "ca.conf").write_text(_CONFIG.format(folder=folder))
        self._run(
            *("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.certificate),
            *("-days", "30", "-subj", "/CN=An authority for tests"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
            *("-addext", "keyUsage=critical,keyCertSign"),
        )

    def server_side(
        self, *, begins: str | None = None, ends: str | None = None, names: str = NAMES
    ) -> ssl.SSLContext:
        """A certificate for these names, and its key, ready to serve with.

        Args:
            begins: When it becomes valid, as YYYYMMDDHHMMSSZ; None is now.
            ends: When it ends; None is in some days.
        """
        key, asked, cert = (self._folder / name for name in ("server.key", "asked", "server.pem"))
        self._run(
            *("req", *_NEW_KEY, "-keyout", key, "-out", asked, "-subj", "/CN=a server"),
            *("-addext", f"subjectAltName={names}"),
        )
        times = ["-startdate", begins] if begins else []
        times += ["-enddate", ends] if ends else ["-days", "9"]
        self._run(
            *("ca", "-batch", "-notext", "-config", self._folder / "ca.conf", "-in", asked),
            *("-cert", self.certificate, "-keyfile", self._key, "-out", cert, *times),
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context

    def _run(self, *words: str | Path) -> None:
        try:
            subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self._folder)
        except FileNotFoundError:
            pytest.skip("no openssl command on this machine")


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
