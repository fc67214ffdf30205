import pytest

from registry.domain.reference import HubRef, UrlRef
from registry.domain.source import Secret, Source
from registry.domain.variant import FileFormat, Precision
from registry.errors import GoneFromHub, InvalidReference
from registry.hubs.direct_url import DirectHub
from registry.hubs.hub import HubSettings
from tests.factories import make_file, make_hash

HUB = DirectHub(HubSettings(trusted=True))
URL = "https://example.org/models/My%20model-fp16.safetensors?v=2#top"


def test_an_address_is_a_model_of_one_file():
    model = HUB.find(UrlRef(URL))

    ((_, file),) = model.files
    assert (model.type, model.origin, model.name) == ("other", "direct", file.name)
    assert file.name == "My model-fp16.safetensors"
    assert (file.variant.format, file.variant.precision) == (FileFormat.SAFETENSORS, Precision.FP16)
    assert file.sources == (Source("direct", url=URL.removesuffix("#top")),)


def test_two_addresses_have_two_slugs_and_one_has_one():
    slugs = [HUB.find(UrlRef(url)).slug for url in (URL, URL, "https://example.org/other")]

    assert slugs[0] == slugs[1] != slugs[2]
    assert slugs[0].startswith("direct-")


def test_a_download_is_the_address_itself_without_any_token():
    hub = DirectHub(HubSettings(find_token=lambda: Secret("never sent")))

    download = hub.locate(Source("direct", url="https://example.org/a.pt"), None)

    assert (download.url, download.file_name) == ("https://example.org/a.pt", "a.pt")
    assert (download.token, download.trusted) == (None, False)


def test_only_an_address_that_the_user_typed_may_be_a_private_one():
    typed, told = "http://127.0.0.1/typed.pt", "http://127.0.0.1/told-by-a-catalog.pt"
    hub = DirectHub(HubSettings(was_typed=lambda url: url.endswith("once.pt")))
    hub.find(UrlRef(typed))

    assert hub.locate(Source("direct", url=typed), None).trusted
    assert hub.locate(Source("direct", url="http://127.0.0.1/once.pt"), None).trusted
    assert not hub.locate(Source("direct", url=told), None).trusted


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("https://example.org/a.pt", True),
        ("http://example.org:8080/a%20b.pt", True),
        ("https://example.org/a.pt?X-Amz-Signature=abc", False),
        ("https://mega.example/file#the-key", False),
        ("https://me:hunter2@example.org/a.pt", False),
        ("https://me@example.org/a.pt", False),
        ("ftp://example.org/a.pt", False),
        ("file:///etc/passwd", False),
        ("https:///a.pt", False),
        ("https://[broken/a.pt", False),
    ],
)
def test_an_address_is_told_to_others_unless_it_may_hold_a_secret(url, is_told):
    told = HUB.public_address(Source("direct", url=url), make_file())

    assert told == (url if is_told else None)


def test_a_source_without_an_address_leads_nowhere():
    with pytest.raises(GoneFromHub):
        HUB.locate(Source("direct"), None)


@pytest.mark.parametrize(
    "reference",
    [
        HubRef("civitai", "66"),
        UrlRef("https://me:hunter2@example.org/a.pt"),
        UrlRef("https://[broken/a.pt"),
        UrlRef("https:///a.pt"),
    ],
)
def test_what_is_no_plain_address_is_refused_without_repeating_its_password(reference):
    with pytest.raises(InvalidReference) as caught:
        HUB.find(reference)

    assert "hunter2" not in f"{caught.value!r} {caught.value}"


def test_addresses_cannot_be_searched():
    assert HUB.search("x", limit=3) == ()
    assert HUB.by_hash(make_hash()) == ()
