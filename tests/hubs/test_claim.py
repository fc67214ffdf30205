import itertools

import pytest

from registry import hubs
from registry.discovery import collect
from registry.domain.reference import parse
from registry.errors import InvalidReference
from registry.hubs import claim
from registry.hubs.hub import HubSettings

ALL = [kind(HubSettings()) for kind in collect(hubs, "HUB").values()]


def test_every_file_of_a_hub_is_found():
    assert {hub.name for hub in ALL} == {"civitai", "huggingface", "direct"}


@pytest.mark.parametrize(
    ("text", "owner", "claimed"),
    [
        ("civitai:66@75+446", "civitai", "civitai:66@75+446"),
        ("urn:air:sd1:checkpoint:civitai:66@75", "civitai", "civitai:66@75"),
        ("https://civitai.com/models/66?modelVersionId=75", "civitai", "civitai:66@75"),
        ("hf:embed/EasyNegative", "huggingface", "hf:embed/EasyNegative"),
        ("https://hf.co/embed/EasyNegative", "huggingface", "hf:embed/EasyNegative"),
        ("https://example.org/a.pt", "direct", "https://example.org/a.pt"),
        ("https://civitai.com/images/1", "direct", "https://civitai.com/images/1"),
    ],
)
def test_each_reference_has_one_owner_whoever_is_asked_first(text, owner, claimed):
    for order in itertools.permutations(ALL):
        hub, reference = claim(parse(text), order)
        assert (hub.name, str(reference)) == (owner, claimed)


@pytest.mark.parametrize("text", ["anything-v3", "autov2:6ce0161689"])
def test_what_no_hub_can_own_is_refused(text):
    with pytest.raises(InvalidReference, match="no hub"):
        claim(parse(text), ALL)
