"""What any hub must do, tried on every hub there is, over real HTTP.

A new hub is one file in registry/hubs/ and one row in `HUBS` here.
"""

import logging
import traceback
from dataclasses import dataclass

import httpx
import pytest

from registry import hubs
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.discovery import collect
from registry.domain.hashes import Hash
from registry.domain.model import FileRole, Model
from registry.domain.reference import HubRef, NameRef, UrlRef
from registry.domain.source import Secret, Source
from registry.errors import GoneFromHub, HubError
from registry.hubs import claim
from registry.hubs.hub import Hub, HubSettings
from tests.factories import make_file
from tests.hubs.scripted_api import TOKEN

WEIGHTS = b"".join(n.to_bytes(4, "little") for n in range(700_000))
HOSTILE = "</script>\x1b]8;;x\x07\u202egpj\u200b 'x' =1+1"


@dataclass(frozen=True)
class Case:
    """What a test needs to know of one hub.

    Attributes:
        missing: Where there is nothing; None for hubs that ask nobody.
        finds_hashes: It has a search by hash.
        searches: It has a search by words.
    """

    reference: str
    missing: str | None
    finds_hashes: bool
    searches: bool


HUBS = {
    "civitai": Case("civitai:66", "civitai:67", finds_hashes=True, searches=True),
    "huggingface": Case("hf:demo/anything", "hf:demo/nothing", finds_hashes=False, searches=True),
    "direct": Case("{address}/demo/anything/resolve/main/anything-fp16.safetensors", None,
                   finds_hashes=False, searches=False),
}  # fmt: skip
KINDS = {kind.name: kind for kind in collect(hubs, "HUB").values()}


@pytest.fixture(scope="module")
def world():
    """An embedded hub with one model, at both hubs, and its configuration."""
    about = {"model_name": f"Anything V3 {HOSTILE}", "trained_words": (HOSTILE,)}
    repo = "demo/anything"
    with EmbeddedHub(
        [
            HostedFile(WEIGHTS, "anything-fp16.safetensors", civitai=(66, 75, 446),
                       huggingface=(repo, "anything-fp16.safetensors"), **about),
            HostedFile(b"model: 1\n", "anything.yaml", civitai=(66, 75, 447),
                       huggingface=(repo, "anything.yaml"), file_type="Config", **about),
            HostedFile(WEIGHTS[::-1], "anything-old.ckpt", civitai=(66, 74, 440), **about),
        ],
        token=TOKEN,
    ) as server:  # fmt: skip
        yield server


@pytest.fixture(params=sorted(HUBS))
def case(request):
    return HUBS[request.param]


@pytest.fixture
def hub(request, case, world):
    """The hub of this case, logged in."""
    name = next(name for name, known in HUBS.items() if known is case)
    settings = HubSettings(
        address=world.address, find_token=lambda: Secret(TOKEN), trusted=True, sleep=lambda _: None
    )
    return KINDS[name](settings)


@pytest.fixture
def reference(hub, case, world):
    """The model, in this hub's own words."""
    text = case.reference.format(address=world.address)
    return hub.claims(UrlRef(text) if text.startswith("http") else hub_ref(text))


def hub_ref(text):
    scheme, _, rest = text.partition(":")
    return HubRef({"hf": "huggingface"}.get(scheme, scheme), rest)


def test_every_hub_has_a_row_here():
    assert set(KINDS) == set(HUBS)


def test_it_has_a_name_and_a_place_in_the_order(hub):
    as_promised: Hub = hub
    assert as_promised.name.islower()
    assert as_promised.title
    assert isinstance(as_promised.takes_leftovers, bool)


def test_it_claims_its_own_and_nothing_else(hub, reference):
    assert hub.claims(reference) == reference
    assert hub.claims(HubRef("a hub of tomorrow", "1")) is None
    assert hub.claims(NameRef("anything-v3")) is None
    assert claim(reference, [hub]) == (hub, reference)


def test_it_claims_without_asking_anybody(hub, reference, world):
    before = len(world.requests)

    hub.claims(reference)

    assert len(world.requests) == before


def test_it_describes_a_model(hub, reference):
    model = hub.find(reference)

    assert isinstance(model, Model)
    assert model.origin == hub.name
    assert model.slug == model.slug.lower()
    assert "/" not in model.slug
    assert model == hub.find(reference)
    ((_, main), *_) = model.files
    assert main.role is FileRole.WEIGHTS
    assert main.name == "anything-fp16.safetensors"
    assert main.variant.precision == "fp16"


def test_hashes_are_in_lower_case_and_true(hub, reference, world):
    for _, file in hub.find(reference).files:
        if file.hashes.sha256 is not None:
            hosted = next(one for one in world.files if one.name == file.name)
            assert file.hashes.sha256 == hosted.sha256


def test_every_source_of_every_file_can_be_located_and_fetched(hub, reference, world):
    for _, file in hub.find(reference).files:
        assert file.sources
        for source in file.sources:
            assert source.hub == hub.name
            download = hub.locate(source, file)
            assert download.source == source
            assert download.trusted
            hosted = next(one for one in world.files if one.name == file.name)
            body = httpx.get(download.url, follow_redirects=True).content
            assert len(body) == hosted.size_bytes == (download.size_bytes or len(body))
            assert not download.hashes.contradictions(file.hashes)


def test_its_public_addresses_lead_to_the_bytes_without_a_token_and_without_a_question(
    hub, reference, world
):
    for _, file in hub.find(reference).files:
        for source in file.sources:
            before = len(world.requests)
            address = hub.public_address(source, file)
            assert address is not None
            assert (TOKEN in address, len(world.requests)) == (False, before)
            hosted = next(one for one in world.files if one.name == file.name)
            assert httpx.get(address, follow_redirects=True).content == b"".join(
                hosted.read(0, hosted.size_bytes)
            )


def test_a_source_without_anything_in_it_has_no_address(hub):
    assert hub.public_address(Source(hub.name), make_file(name="..")) is None


def test_what_is_not_there_is_gone(hub, case):
    if case.missing is None:
        pytest.skip("this hub asks nobody")

    with pytest.raises(GoneFromHub) as caught:
        hub.find(hub_ref(case.missing))

    assert caught.value.hub == hub.name
    assert case.missing in str(caught.value)
    assert caught.value.hint


def test_a_source_without_anything_in_it_is_gone(hub):
    with pytest.raises(GoneFromHub):
        hub.locate(Source(hub.name), None)


def test_it_searches_by_words(hub, case):
    found = hub.search("anything", limit=5)

    assert [type(model) for model in found] == [Model] * case.searches
    assert hub.search("nothing of this kind", limit=5) == ()


def test_it_finds_files_by_any_hash(hub, case, world):
    hosted = world.files[0]
    for text in (f"sha256:{hosted.sha256}", f"autov2:{hosted.sha256[:10]}"):
        found = hub.by_hash(Hash.parse(text))
        assert [file.name for model in found for _, file in model.files] == (
            [hosted.name] * case.finds_hashes
        )
    assert hub.by_hash(Hash.parse("sha256:" + "0" * 64)) == ()


def test_hostile_texts_stay_data(hub, reference):
    model = hub.find(reference)

    if hub.name == "civitai":
        assert model.name == f"Anything V3 {HOSTILE}"
        assert model.trigger_words == (HOSTILE,)
    assert str(model).encode()


def test_a_token_is_shown_nowhere(hub, case, reference, world, caplog):
    caplog.set_level(logging.DEBUG)
    shown = [repr(hub), str(hub.find(reference))]
    for _, file in hub.find(reference).files:
        download = hub.locate(file.sources[0], file)
        shown += [repr(download), str(download), download.url, str(download.source)]
    for bad in filter(None, (case.missing,)):
        try:
            hub.find(hub_ref(bad))
        except HubError as error:
            shown += [str(error), repr(error), str(error.hint)]
            shown += traceback.format_exception(error)

    assert TOKEN not in "\n".join([*shown, caplog.text])
    assert all(TOKEN not in request.path for request in world.requests)


def test_a_token_never_reaches_the_storage(hub, reference, world):
    for _, file in hub.find(reference).files:
        hub.locate(file.sources[0], file)

    at_storage = [request for request in world.requests if request.host == "localhost"]
    assert all("authorization" not in request.headers for request in at_storage)


def test_a_hub_that_does_not_answer_is_unreachable_or_needs_no_answer(case, hub):
    with EmbeddedHub([]) as gone:
        address = gone.address
    dead = type(hub)(HubSettings(address=address, trusted=True, sleep=lambda _: None))

    if case.missing is None:
        assert dead.search("x", limit=1) == ()
    else:
        with pytest.raises(HubError) as caught:
            dead.find(hub_ref(case.missing))
        assert caught.value.retryable
