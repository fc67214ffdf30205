"""Over TLS: the same bytes, and certificates that are looked at."""

import ssl
import subprocess

import pytest

from registry.errors import ConnectionLost
from tests.servers.model_server import ModelServer
from tests.transfer.bench import some_bytes

LARGE = some_bytes(18 * 1024 * 1024)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("no openssl command on this machine")
    return cert, key


@pytest.fixture
def secure_server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with ModelServer(tls=context) as server:
        yield server


def test_a_file_arrives_over_tls_where_ssl_cert_file_says_whom_to_trust(
    secure_server, bench, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    url = secure_server.serve("model", LARGE, cut_at=9 * 1024 * 1024, cuts=1)

    fetched = bench.fetch(url, content=LARGE)

    assert url.startswith("https://")
    assert fetched.path.read_bytes() == LARGE


def test_a_certificate_that_nobody_signed_is_refused_at_once(secure_server, bench, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    url = secure_server.serve("model", LARGE)

    with pytest.raises(ConnectionLost, match="certificate cannot be trusted"):
        bench.fetch(url, content=LARGE)

    assert secure_server.requests == []
