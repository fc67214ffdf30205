import pytest

from registry.domain.hashes import Hash, Hashes
from registry.domain.reference import HashRef, HubRef, NameRef, UrlRef, parse
from registry.domain.source import Source
from registry.errors import (
    AccessDenied,
    GoneFromHub,
    InvalidReference,
    LoginRequired,
    UnexpectedAnswer,
)
from registry.hubs.civitai import CivitaiHub
from registry.hubs.hub import HubSettings
from tests.factories import make_file, make_hash
from tests.hubs.scripted_api import TOKEN, Reply

AT_HOME = CivitaiHub(HubSettings())
MIRROR = CivitaiHub(HubSettings(address="http://127.0.0.1:8080/civitai/"))


@pytest.fixture
def hub(api, settings_for):
    return CivitaiHub(settings_for(api.address))


@pytest.mark.parametrize(
    ("url", "claimed"),
    [
        ("https://civitai.com/models/66", "civitai:66"),
        ("https://civitai.com/models/66/anything-v3", "civitai:66"),
        ("https://civitai.com/models/66/anything-v3?modelVersionId=75", "civitai:66@75"),
        ("https://www.civitai.com/models/66?modelVersionId=75&x=y#z", "civitai:66@75"),
        ("https://civitai.red/models/66?modelVersionId=75", "civitai:66@75"),
        ("https://CIVITAI.com/models/66?modelVersionId=abc", "civitai:66"),
        ("https://civitai.com/model-versions/75", "civitai:@75"),
        ("https://civitai.com/api/v1/model-versions/75", "civitai:@75"),
        ("https://civitai.com/api/v1/models/66", "civitai:66"),
        ("https://civitai.com/api/download/models/75", "civitai:@75"),
        ("https://civitai.com/api/download/models/75?type=Model&fileId=446", "civitai:@75+446"),
        ("https://civitai.com/api/download/models/75?token=secret", "civitai:@75"),
    ],
)
def test_pages_and_downloads_are_references(url, claimed):
    assert str(AT_HOME.claims(UrlRef(url))) == claimed


@pytest.mark.parametrize(
    "reference",
    [
        UrlRef("https://civitai.com/images/66"),
        UrlRef("https://civitai.com/models/x"),
        UrlRef("https://civitai.com.evil.org/models/66"),
        UrlRef("https://civitai.com@evil.org/models/66"),
        UrlRef("https://evil.org/https://civitai.com/models/66"),
        UrlRef("https://civitai.com:8443/models/66"),
        UrlRef("https://civitai.com:x/models/66"),
        UrlRef("https://[broken/models/66"),
        UrlRef("http://127.0.0.1:8080/civitai/models/66"),
        HubRef("huggingface", "a/b"),
        NameRef("anything-v3"),
        HashRef(Hash.parse("autov2:6ce0161689")),
    ],
)
def test_what_is_not_of_this_hub_is_not_claimed(reference):
    assert AT_HOME.claims(reference) is None


def test_pages_of_a_configured_mirror_are_claimed_below_its_path():
    assert MIRROR.claims(UrlRef("http://127.0.0.1:8080/civitai/models/66")) == HubRef(
        "civitai", "66"
    )
    assert MIRROR.claims(UrlRef("http://127.0.0.1:8080/other/models/66")) is None
    assert MIRROR.claims(UrlRef("http://127.0.0.1:8081/civitai/models/66")) is None


def test_a_model_is_narrowed_to_what_is_named(hub, api, recorded):
    api.on("/api/v1/models/4201", Reply(body=recorded("civitai", "model-4201-files.2023-07")))

    model = hub.find(parse("civitai:4201@105674+74303"))

    ((version, file),) = model.files
    assert (version.hub_version_id, file.hub_file_id) == ("105674", "74303")


def test_a_version_leads_to_the_page_of_its_model(hub, api, recorded):
    answer = recorded("civitai", "model-version-242807.2023-12")
    api.on("/api/v1/model-versions/242807", Reply(body=answer))
    api.on("/api/v1/models/215485", Reply(body=recorded("civitai", "model-215485.2023-12")))

    model = hub.find(parse("civitai:@242807"))

    assert model.author == "test_author"
    assert [version.hub_version_id for version in model.versions] == ["242807"]


def test_a_version_whose_model_page_is_gone_still_tells_what_it_knows(hub, api, recorded):
    answer = recorded("civitai", "model-version-242807.2023-12")
    api.on("/api/v1/model-versions/242807", Reply(body=answer))

    for reference in ("civitai:@242807", "civitai:215485@242807"):
        model = hub.find(parse(reference))
        assert (model.slug, model.author) == ("civitai-215485", None)
        assert len(model.files) == 1


def test_an_empty_list_of_versions_is_made_up_for_by_the_version_itself(hub, api, recorded):
    page = {**recorded("civitai", "model-215485.2023-12"), "modelVersions": []}
    api.on("/api/v1/models/215485", Reply(body=page))
    answer = recorded("civitai", "model-version-242807.2023-12")
    api.on("/api/v1/model-versions/242807", Reply(body=answer))

    model = hub.find(parse("civitai:215485@242807"))

    assert model.author == "test_author"
    assert [version.hub_version_id for version in model.versions] == ["242807"]


def test_an_empty_list_of_versions_is_said_so_where_no_version_is_named(hub, api):
    api.on("/api/v1/models/66", Reply(body={"id": 66, "name": "x", "modelVersions": None}))

    with pytest.raises(UnexpectedAnswer, match="without any version; name one"):
        hub.find(parse("civitai:66"))


def test_a_version_of_another_model_is_not_taken_for_this_one(hub, api, recorded):
    api.on("/api/v1/models/66", Reply(body=recorded("civitai", "model-66-files.2023-07")))
    answer = recorded("civitai", "model-version-242807.2023-12")
    api.on("/api/v1/model-versions/242807", Reply(body=answer))

    with pytest.raises(GoneFromHub, match="the version belongs to civitai:215485"):
        hub.find(parse("civitai:66@242807"))


@pytest.mark.parametrize(("mode", "text"), [("Archived", "archived"), ("TakenDown", "taken down")])
def test_a_moderated_model_is_gone(hub, api, mode, text):
    api.on("/api/v1/models/66", Reply(body={"id": 66, "mode": mode, "modelVersions": []}))

    with pytest.raises(GoneFromHub, match=text):
        hub.find(parse("civitai:66"))


def test_an_answer_without_a_number_is_unexpected(hub, api):
    api.on("/api/v1/models/66", Reply(body=["what", "ever"]))

    with pytest.raises(UnexpectedAnswer, match="no id for civitai:66"):
        hub.find(parse("civitai:66"))


def test_a_reference_that_names_nothing_is_none(hub):
    with pytest.raises(InvalidReference):
        hub.find(HubRef("civitai", file="446"))


def test_a_number_that_is_none_does_not_climb_to_other_addresses(hub, api):
    with pytest.raises(GoneFromHub):
        hub.find(HubRef("civitai", model="../../admin?x="))

    assert api.seen[0].path == "/api/v1/models/..%2F..%2Fadmin%3Fx%3D"


def item(number, **changes):
    return {"id": number, "name": f"model {number}", "type": "LORA", **changes}


def test_a_search_goes_on_from_cursor_to_cursor(hub, api):
    api.on(
        "/api/v1/models",
        Reply(body={"items": [item(1), item(2)], "metadata": {"nextCursor": "2|x"}}),
        Reply(body={"items": [item(2), item(3)], "metadata": {"nextCursor": None}}),
    )

    found = hub.search("blue hair", limit=10)

    assert [model.slug for model in found] == ["civitai-1", "civitai-2", "civitai-3"]
    assert api.seen[0].path == "/api/v1/models?query=blue+hair&limit=10"
    assert api.seen[1].path == "/api/v1/models?query=blue+hair&limit=10&cursor=2%7Cx"


def test_a_search_ends_when_it_has_enough_or_goes_in_circles(hub, api):
    api.on("/api/v1/models", Reply(body={"items": [item(1)], "metadata": {"nextCursor": "a"}}))

    assert hub.search("x", limit=0) == ()
    assert len(hub.search("x", limit=1)) == 1
    assert len(api.seen) == 1
    assert len(hub.search("y", limit=5)) == 1
    assert len(api.seen) == 3


def test_a_search_of_2023_has_pages_but_no_cursor(hub, api, recorded):
    api.on("/api/v1/models", Reply(body=recorded("civitai", "models-list.2023-03")))

    (model,) = hub.search("ulzzang", limit=10)

    assert (model.slug, model.nsfw, model.type) == ("civitai-8109", True, "embedding")


def test_a_search_leaves_out_what_is_archived(hub, api):
    items = [item(1, mode="Archived"), item(2), "odd", {"name": "no id"}]
    api.on("/api/v1/models", Reply(body={"items": items}))

    assert [model.slug for model in hub.search("x", limit=5)] == ["civitai-2"]


def test_a_hash_leads_to_the_file_that_has_it(hub, api, recorded):
    answer = recorded("civitai", "model-version-242807.2023-12")
    wanted = Hash.parse("autov2:a599c42a9f")
    api.on("/api/v1/model-versions/by-hash/A599C42A9F", Reply(body=answer))
    api.on("/api/v1/models/215485", Reply(body=recorded("civitai", "model-215485.2023-12")))

    (model,) = hub.by_hash(wanted)

    ((_, file),) = model.files
    assert file.hub_file_id == "187907"
    assert model.author == "test_author"


def test_an_unknown_hash_is_no_error_and_no_wait(hub, waits):
    assert hub.by_hash(make_hash()) == ()
    assert waits == []


def test_an_answer_without_the_hash_is_no_hit(hub, api, recorded):
    wanted = make_hash()
    path = f"/api/v1/model-versions/by-hash/{wanted.digits.upper()}"
    api.on(path, Reply(body=recorded("civitai", "model-version-242807.2023-12")))

    assert hub.by_hash(wanted) == ()


def test_a_source_with_all_its_numbers_is_located_without_a_question(api, settings_for):
    hub = CivitaiHub(settings_for(api.address, token=TOKEN))

    download = hub.locate(Source("civitai", "66", "75", "446"), make_file(name="a.ckpt"))

    assert download.url == f"{api.address}/api/download/models/75?fileId=446"
    assert download.file_name == "a.ckpt"
    assert download.token.value == TOKEN
    assert download.trusted
    assert TOKEN not in f"{download} {download!r}"
    assert api.seen == []


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (Source("civitai", "66", "75", "446"), "/api/download/models/75?fileId=446"),
        (Source("civitai", "66", "75"), "/api/download/models/75?fileId=7"),
        (Source("civitai", "66", "75?x=/../y"), "/api/download/models/75%3Fx%3D%2F..%2Fy?fileId=7"),
        (Source("civitai", "66"), None),
    ],
)
def test_a_public_address_is_made_of_the_numbers_alone(source, address):
    told = AT_HOME.public_address(source, make_file(hub_file_id="7"))

    assert told == (address and f"https://civitai.com{address}")


@pytest.mark.parametrize(
    ("known", "file_id"),
    [
        (make_file(name="other", hashes=Hashes.of("sha256:" + "a8e08b582ebbd38f76fb193a73f486a7"
                   "6db331f3369bf3949fda3cff0b9c150e")), "74303"),
        (make_file(name="realisticVisionV30_v30VAE.ckpt"), "74302"),
        (make_file(name="unheard of"), "74299"),
        (None, "74299"),
    ],
)  # fmt: skip
def test_the_file_is_known_by_its_bytes_then_by_its_name_then_as_the_main_one(
    hub, api, recorded, known, file_id
):
    model = recorded("civitai", "model-4201-files.2023-07")
    answer = {**model["modelVersions"][0], "model": {"name": "x", "type": "Checkpoint"}}
    api.on("/api/v1/model-versions/105674", Reply(body=answer))

    download = hub.locate(Source("civitai", "4201", "105674"), known)

    assert download.url.endswith(f"/api/download/models/105674?fileId={file_id}")
    assert download.hashes.sha256 is not None
    assert download.size_bytes is not None


def test_a_version_whose_description_is_gone_may_still_be_downloaded(hub, api):
    download = hub.locate(Source("civitai", "66", "75"), make_file())

    assert download.url == f"{api.address}/api/download/models/75"
    assert download.hashes == Hashes()


def test_a_model_alone_is_located_by_its_first_version(hub, api, recorded):
    api.on("/api/v1/models/66", Reply(body=recorded("civitai", "model-66-files.2023-07")))

    assert hub.locate(Source("civitai", "66"), None).url.endswith("/models/75?fileId=446")


@pytest.mark.parametrize("source", [Source("civitai"), Source("civitai", model="67")])
def test_a_model_that_is_gone_cannot_be_located(hub, source):
    with pytest.raises(GoneFromHub):
        hub.locate(source, None)


def test_a_version_without_files_cannot_be_located(hub, api):
    api.on("/api/v1/model-versions/75", Reply(body={"id": 75, "modelId": 66, "files": []}))

    with pytest.raises(GoneFromHub, match="no files"):
        hub.locate(Source("civitai", "66", "75"), None)


def test_what_may_be_used_on_the_site_only_is_denied(hub, api):
    files = [{"id": 1, "name": "a.safetensors"}]
    answer = {"id": 75, "modelId": 66, "files": files, "usageControl": "Generation"}
    api.on("/api/v1/model-versions/75", Reply(body=answer))

    with pytest.raises(AccessDenied, match="on the site only"):
        hub.locate(Source("civitai", "66", "75"), None)


def test_a_login_that_is_asked_for_names_the_hub(hub, api):
    api.on("/api/v1/models/66", Reply(401, {"error": "Unauthorized"}))

    with pytest.raises(LoginRequired) as caught:
        hub.find(parse("civitai:66"))

    assert "sdreg login civitai" in caught.value.hint
