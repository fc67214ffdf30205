"""A token on its whole way, from the hub that is asked to the storage that sends the bytes."""

import logging
import traceback

import pytest

from registry.demo.hub import EmbeddedHub, HostedFile
from registry.domain.progress import Progress
from registry.domain.source import Secret, Source
from registry.errors import AccessDenied, LoginRequired, SdregError
from registry.hubs.civitai import CivitaiHub
from registry.hubs.hub import HubSettings
from registry.hubs.huggingface import HuggingFaceHub
from registry.transfer.download import Downloader, Expectation, TransferOptions
from tests.hubs.scripted_api import TOKEN

CONTENT = b"weights" * 50_000
SOURCES = {
    CivitaiHub: Source("civitai", "66", "75", "446"),
    HuggingFaceHub: Source("huggingface", "demo/a", None, "a.safetensors"),
}


@pytest.fixture
def server():
    """A hub that gives its file only to who sends the token."""
    file = HostedFile(
        CONTENT,
        "a.safetensors",
        civitai=(66, 75, 446),
        huggingface=("demo/a", "a.safetensors"),
        gated=True,
    )
    with EmbeddedHub([file], token=TOKEN) as hub:
        yield hub


@pytest.fixture
def fetch(server, tmp_path):
    """Locate and fetch the file with some token."""
    downloader = Downloader(TransferOptions(durable=False), tmp_path / "partial")

    def run(kind, token):
        hub = kind(
            HubSettings(
                address=server.address,
                find_token=lambda: Secret(token) if token else None,
                trusted=True,
                sleep=lambda _: None,
            )
        )
        download = hub.locate(SOURCES[kind], None)
        expected = Expectation(download.size_bytes, download.hashes)
        return downloader.fetch(
            download, expected, key="part", relocate=None, progress=Progress()
        ).path.read_bytes()

    yield run
    downloader.close()


@pytest.fixture(params=list(SOURCES), ids=lambda kind: kind.name)
def kind(request):
    return request.param


def test_a_token_opens_the_hub_and_never_reaches_the_storage(kind, fetch, server, caplog):
    caplog.set_level(logging.DEBUG)

    assert fetch(kind, TOKEN) == CONTENT

    at_hub = [request for request in server.requests if request.host == "127.0.0.1"]
    at_storage = [request for request in server.requests if request.host == "localhost"]
    assert at_hub
    assert at_storage
    assert all(one.headers["authorization"] == f"Bearer {TOKEN}" for one in at_hub)
    assert not any(TOKEN in f"{one.path} {one.headers}" for one in at_storage)
    assert TOKEN not in caplog.text


def test_without_a_token_a_login_is_asked_for(kind, fetch, server):
    with pytest.raises(LoginRequired, match=kind.name):
        fetch(kind, None)

    assert all(request.host == "127.0.0.1" for request in server.requests)


def test_a_token_that_is_refused_is_not_shown(kind, fetch, caplog):
    caplog.set_level(logging.DEBUG)
    wrong = "hf_WRONGsecretVALUE"

    with pytest.raises((AccessDenied, LoginRequired)) as caught:
        fetch(kind, wrong)

    error: SdregError = caught.value
    told = "".join(traceback.format_exception(error))
    assert wrong not in f"{told} {error!r} {error.hint} {caplog.text}"
