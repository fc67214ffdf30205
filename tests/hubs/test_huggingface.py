import io
import logging

import pytest
from huggingface_hub import constants

from registry.domain.hashes import Hashes
from registry.domain.reference import HubRef, NameRef, UrlRef, parse
from registry.domain.source import Source
from registry.errors import (
    AccessDenied,
    GoneFromHub,
    HubUnreachable,
    InvalidReference,
    LoginRequired,
    RateLimited,
    UnexpectedAnswer,
)
from registry.hubs.hub import HubSettings
from registry.hubs.huggingface import HuggingFaceHub
from tests.factories import make_file, make_hash
from tests.hubs.scripted_api import TOKEN, Reply, ScriptedApi

AT_HOME = HuggingFaceHub(HubSettings())
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA256 = make_hash().digits
RESOLVE = "/owner/repo/resolve/main/a.safetensors"
SOURCE = Source("huggingface", "owner/repo", None, "a.safetensors")
REPO = {
    "id": "owner/repo",
    "sha": COMMIT,
    "tags": ["lora"],
    "siblings": [
        {
            "rfilename": "a.safetensors",
            "size": 5,
            "lfs": {"sha256": SHA256, "size": 5, "pointerSize": 130},
        },
    ],
}


@pytest.fixture
def hub(api, settings_for):
    return HuggingFaceHub(settings_for(api.address))


@pytest.fixture
def known_hub(api, settings_for):
    """The same with a token."""
    return HuggingFaceHub(settings_for(api.address, token=TOKEN))


def refused(status, code=None, message=None):
    told = {"X-Error-Code": code, "X-Error-Message": message}
    return Reply(status, {"error": message}, {name: text for name, text in told.items() if text})


# ── whose is it ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "claimed"),
    [
        ("https://huggingface.co/embed/EasyNegative", "hf:embed/EasyNegative"),
        ("https://huggingface.co/embed/EasyNegative/", "hf:embed/EasyNegative"),
        ("https://hf.co/embed/EasyNegative", "hf:embed/EasyNegative"),
        ("https://huggingface.co/a/b/tree/main", "hf:a/b"),
        ("https://huggingface.co/a/b/tree/main/vae", "hf:a/b:vae"),
        ("https://huggingface.co/a/b/tree/main/vae/", "hf:a/b:vae"),
        ("https://huggingface.co/a/b/blob/main/x.pt", "hf:a/b:x.pt"),
        ("https://huggingface.co/a/b/blob/v1.0/x.pt", "hf:a/b@v1.0:x.pt"),
        ("https://huggingface.co/a/b/resolve/main/x.pt?download=true", "hf:a/b:x.pt"),
        ("https://huggingface.co/a/b/resolve/main/My%20x.pt", "hf:a/b:My x.pt"),
        ("https://huggingface.co/a/b/resolve/refs%2Fpr%2F7/x.pt", "hf:a/b@refs/pr/7:x.pt"),
        ("https://huggingface.co/a/b/resolve/refs/pr/7/c/x.pt", "hf:a/b@refs/pr/7:c/x.pt"),
    ],
)
def test_pages_and_files_are_references(url, claimed):
    assert str(AT_HOME.claims(UrlRef(url))) == claimed


@pytest.mark.parametrize(
    "reference",
    [
        UrlRef("https://huggingface.co/datasets/a/b"),
        UrlRef("https://huggingface.co/spaces/a"),
        UrlRef("https://huggingface.co/blog/lora"),
        UrlRef("https://huggingface.co/gpt2"),
        UrlRef("https://huggingface.co/a/b/discussions/1"),
        UrlRef("https://huggingface.co/a/b/resolve/main/../../x"),
        UrlRef("https://huggingface.co/a/b/resolve/main/%2e%2e/x"),
        UrlRef("https://huggingface.co.evil.org/a/b"),
        NameRef("a/b"),
        HubRef("civitai", "66"),
    ],
)
def test_what_is_not_a_model_of_this_hub_is_not_claimed(reference):
    assert AT_HOME.claims(reference) is None


def test_the_default_revision_has_no_name():
    assert AT_HOME.claims(parse("hf:a/b@main:x.pt")) == HubRef("huggingface", "a/b", None, "x.pt")


# ── what is it ────────────────────────────────────────────────────────────────────────────────────


def test_a_repository_is_found_with_our_name_and_without_a_token(hub, api):
    api.on("/api/models/owner/repo", Reply(body=REPO))

    model = hub.find(parse("hf:owner/repo"))

    ((version, file),) = model.files
    assert (model.type, version.hub_version_id, file.hashes.sha256) == ("lora", COMMIT, SHA256)
    (seen,) = api.seen
    assert seen.path == "/api/models/owner/repo?blobs=true"
    assert seen.headers["user-agent"] == "sdreg"
    assert "authorization" not in seen.headers


def test_a_stored_login_is_not_sent_to_a_mirror(hub, api, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    api.on("/api/models/owner/repo", Reply(body=REPO))

    hub.find(parse("hf:owner/repo"))

    assert "authorization" not in api.seen[0].headers


def test_a_revision_is_asked_for_by_name(hub, api):
    api.on("/api/models/owner/repo/revision/refs%2Fpr%2F1", Reply(body=REPO))

    (version,) = hub.find(parse("hf:owner/repo@refs/pr/1")).versions

    assert version.name == "refs/pr/1"


def test_a_file_that_the_repository_lacks_is_gone(hub, api):
    api.on("/api/models/owner/repo", Reply(body=REPO))

    with pytest.raises(GoneFromHub, match="no such file"):
        hub.find(parse("hf:owner/repo:b.safetensors"))


@pytest.mark.parametrize(
    ("reply", "error", "text"),
    [
        (refused(401, "RepoNotFound"), GoneFromHub, "no such repository, or it is private"),
        (refused(404, "RepoNotFound"), GoneFromHub, "no such repository, or it is private"),
        (refused(401), GoneFromHub, "no such repository, or it is private"),
        (refused(404, "RevisionNotFound"), GoneFromHub, "no such revision"),
        (refused(404, "EntryNotFound"), GoneFromHub, "no such file"),
        (refused(401, "GatedRepo"), LoginRequired, "logged in"),
        (
            refused(403, message="Access to this resource is disabled."),
            AccessDenied,
            "access to it is disabled",
        ),
        (
            refused(401, message="Invalid credentials in Authorization header"),
            AccessDenied,
            "does not accept the token",
        ),
        (refused(403, message="No \x1b[2J way"), AccessDenied, "No [2J way"),
        (refused(451), AccessDenied, "country"),
        (Reply(429, {}, {"RateLimit": '"api";r=0;t=120'}), RateLimited, "120 seconds"),
        (Reply(200, b"<html>login</html>"), UnexpectedAnswer, "nothing readable"),
        (Reply(200, {"no": "id"}), UnexpectedAnswer, "nothing readable"),
        (Reply(200, ["odd"]), UnexpectedAnswer, "nothing readable"),
        (
            Reply(200, {"id": "a/b", "siblings": [{"rfilename": 1}, 7]}),
            UnexpectedAnswer,
            "readable",
        ),
        (Reply(200, b"[" * 100_000), UnexpectedAnswer, "nothing readable"),
        (Reply(200, {**REPO, "disabled": True}), AccessDenied, "disabled"),
        (Reply(500, {}), HubUnreachable, "status 500"),
    ],
)
def test_each_refusal_has_its_own_name(hub, api, reply, error, text):
    api.on("/api/models/owner/repo", reply)

    with pytest.raises(error) as caught:
        hub.find(parse("hf:owner/repo"))

    assert text in str(caught.value)


def test_a_gated_repository_wants_its_conditions_accepted_from_who_is_logged_in(known_hub, api):
    api.on(RESOLVE, refused(403, "GatedRepo"))

    with pytest.raises(AccessDenied) as caught:
        known_hub.locate(SOURCE, None)

    assert "https://huggingface.co/owner/repo" in caught.value.hint


def test_a_busy_hub_is_asked_again(hub, api, waits):
    api.on("/api/models/owner/repo", Reply(429, {}, {"Retry-After": "9"}), Reply(body=REPO))

    assert hub.find(parse("hf:owner/repo")).name == "repo"
    assert waits == [9]


def test_nobody_listening_is_said_so(settings_for, waits):
    with ScriptedApi() as gone:
        address = gone.address

    with pytest.raises(HubUnreachable, match=r"huggingface cannot be reached: .*refused"):
        HuggingFaceHub(settings_for(address)).find(parse("hf:owner/repo"))

    assert len(waits) == 3


def test_offline_mode_is_an_error_and_not_a_crash(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(HubUnreachable, match="HF_HUB_OFFLINE"):
        hub.find(parse("hf:owner/repo"))


@pytest.mark.parametrize("repo", ["owner/has--dashes", "a/b/c", "owner/.."])
def test_a_name_that_cannot_be_is_an_invalid_reference(hub, repo):
    with pytest.raises(InvalidReference):
        hub.find(HubRef("huggingface", repo))


def test_a_reference_without_a_repository_is_invalid(hub):
    with pytest.raises(InvalidReference, match="no repository"):
        hub.find(HubRef("huggingface"))


def test_the_library_is_silent_while_we_ask_and_only_then(hub, api):
    api.on("/api/models/owner/repo", Reply(200, REPO, {"X-HF-Warning": "x; the sky is falling"}))
    library, terminal = logging.getLogger("huggingface_hub"), io.StringIO()
    handler = logging.StreamHandler(terminal)
    library.addHandler(handler)
    try:
        hub.find(parse("hf:owner/repo"))
        assert terminal.getvalue() == ""
        library.error("somebody else's")
        assert terminal.getvalue() == "somebody else's\n"
    finally:
        library.removeHandler(handler)


def test_a_search_tells_repositories_for_pictures_only(hub, api):
    items = [
        REPO,
        {"id": "owner/chat", "library_name": "transformers", "siblings": []},
        {"id": "owner/embedding", "siblings": [{"rfilename": "e.pt"}]},
        {"id": "owner/more", "siblings": []},
    ]
    api.on("/api/models", Reply(body=items))

    assert [model.slug for model in hub.search("x", limit=3)] == ["owner--repo", "owner--embedding"]


def test_there_is_no_search_by_hash(hub, api):
    assert hub.by_hash(make_hash()) == ()
    assert api.seen == []


# ── where is it ───────────────────────────────────────────────────────────────────────────────────


def large_file(**changes):
    told = {
        "Location": "http://localhost:9/signed?Signature=abc",
        "X-Repo-Commit": COMMIT,
        "X-Linked-Etag": f'"{SHA256}"',
        "X-Linked-Size": "1215981830",
        "ETag": f'"{make_hash(of="the storage").digits}"',
        **changes,
    }
    return Reply(302, b"", {name: text for name, text in told.items() if text is not None})


def test_a_large_file_is_located_by_the_first_answer(hub, api):
    api.on(RESOLVE, large_file())

    download = hub.locate(SOURCE, None)

    assert download.url == f"{api.address}/owner/repo/resolve/{COMMIT}/a.safetensors"
    assert (download.size_bytes, download.hashes.sha256) == (1215981830, SHA256)
    assert download.file_name == "a.safetensors"
    assert download.trusted
    assert download.token is None
    assert api.seen[0].headers["accept-encoding"] == "identity"


def test_a_revision_that_the_source_names_stays_in_the_address(hub, api):
    api.on("/owner/repo/resolve/v1/a.safetensors", large_file())

    download = hub.locate(Source("huggingface", "owner/repo", "v1", "a.safetensors"), make_file())

    assert download.url == f"{api.address}/owner/repo/resolve/v1/a.safetensors"


def test_a_small_file_has_no_sha256(hub, api):
    told = {"X-Repo-Commit": COMMIT, "ETag": f'"{"a" * 40}"'}
    api.on(RESOLVE, Reply(200, b"abc", told))

    download = hub.locate(SOURCE, None)

    assert (download.size_bytes, download.hashes) == (3, Hashes())


def test_the_tag_of_a_storage_is_not_a_sha256(hub, api):
    api.on(RESOLVE, Reply(200, b"abc", {"ETag": f'"{SHA256}"'}))

    download = hub.locate(SOURCE, None)

    assert download.hashes == Hashes()
    assert download.url.endswith(RESOLVE)


def test_the_hash_of_xet_is_not_a_sha256(hub, api):
    xet = make_hash(of="xet").digits
    told = {
        "X-Linked-Etag": None,
        "ETag": f'"{xet}"',
        "X-Xet-Hash": xet,
        "Link": f'<{api.address}/xet>; rel="xet-auth"',
    }
    api.on(RESOLVE, large_file(**told))

    assert hub.locate(SOURCE, None).hashes == Hashes()


def test_a_renamed_repository_is_followed_on_the_same_host(known_hub, api):
    api.on(RESOLVE, Reply(307, b"", {"Location": "/new/repo/resolve/main/a.safetensors"}))
    api.on("/new/repo/resolve/main/a.safetensors", large_file())

    assert known_hub.locate(SOURCE, None).hashes.sha256 == SHA256
    assert [seen.headers.get("authorization") for seen in api.seen] == [f"Bearer {TOKEN}"] * 2


def test_the_storage_is_not_asked_so_it_does_not_see_the_token(known_hub, api):
    api.on(RESOLVE, large_file(Location=f"http://localhost:{api.port}/signed"))

    download = known_hub.locate(SOURCE, None)

    assert download.token.value == TOKEN
    assert TOKEN not in f"{download!r} {download}"
    assert [seen.host for seen in api.seen] == ["127.0.0.1"]


@pytest.mark.parametrize(
    "source",
    [
        Source("huggingface", None, None, "a.pt"),
        Source("huggingface", "owner/repo"),
        Source("huggingface", "owner/repo", None, "../../api/whoami"),
    ],
)
def test_a_source_that_names_no_file_cannot_be_located(hub, api, source):
    with pytest.raises(GoneFromHub):
        hub.locate(source, None)
    assert api.seen == []


def test_a_source_without_a_path_takes_the_name_of_the_file(hub, api):
    api.on(RESOLVE, large_file())

    download = hub.locate(Source("huggingface", "owner/repo"), make_file(name="a.safetensors"))

    assert download.size_bytes == 1215981830


@pytest.mark.parametrize("token", ["two\nlines", "ümlaut"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(api, settings_for, token):
    hub = HuggingFaceHub(settings_for(api.address, token=token))

    with pytest.raises(AccessDenied) as caught:
        hub.find(parse("hf:owner/repo"))

    assert token not in f"{caught.value!r} {caught.value} {caught.value.hint}"
    assert api.seen == []


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (Source("huggingface", "o/r", None, "a b.pt"), "/o/r/resolve/main/a%20b.pt"),
        (Source("huggingface", "o/r", "refs/pr/1", "x/a.pt"), "/o/r/resolve/refs%2Fpr%2F1/x/a.pt"),
        (Source("huggingface", "o/r"), "/o/r/resolve/main/named.pt"),
        (Source("huggingface", "o/r", None, "../../api/whoami"), None),
        (Source("huggingface", None, None, "a.pt"), None),
    ],
)
def test_a_public_address_names_the_revision_and_the_path(source, address):
    told = AT_HOME.public_address(source, make_file(name="named.pt"))

    assert told == (address and f"https://huggingface.co{address}")
