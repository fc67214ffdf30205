import traceback

import pytest

from registry.domain.reference import HubRef, parse
from registry.domain.source import Download, Secret, Source
from tests.factories import make_source

PLACES = [
    (Source("civitai", "66", "75", "446"), "civitai:66@75+446"),
    (Source("civitai", None, "75"), "civitai:@75"),
    (Source("civitai", "66"), "civitai:66"),
    (Source("huggingface", "a/b", "main", "vae/x.pt"), "hf:a/b@main:vae/x.pt"),
    (Source("huggingface", "a/b"), "hf:a/b"),
    (Source("direct", url="https://example.com/x.pt"), "https://example.com/x.pt"),
]


@pytest.mark.parametrize(("source", "text"), PLACES)
def test_a_source_prints_as_the_reference_that_leads_to_it(source, text):
    assert str(source) == text
    assert str(parse(text)) == text


@pytest.mark.parametrize(("source", "text"), PLACES[:-1])
def test_a_reference_to_a_hub_has_the_parts_of_its_source(source, text):
    assert parse(text) == HubRef(source.hub, source.model, source.version, source.file)


def test_a_token_shows_in_no_text_that_is_made_of_it():
    token = Secret("hf_verysecret")
    download = Download(make_source(), "https://example.com/x", "x.safetensors", token=token)
    shown = "".join(traceback.format_exception(RuntimeError(download, token)))
    texts = [str(token), repr(token), f"{token}", f"{token!r}", f"{[token]}", repr(download), shown]
    assert "verysecret" not in "".join(texts)
    assert str(token) == "***"
    assert token.value == "hf_verysecret"
