import socket

import httpx
import pytest

from registry.demo.hub import EmbeddedHub, HostedFile

CONTENT = bytes(range(256)) * 8_192
REPO = "demo/anything"


@pytest.fixture(params=["bytes", "file"])
def content(request, tmp_path):
    """The same bytes in memory and on the disk."""
    if request.param == "bytes":
        return CONTENT
    file = tmp_path / "content"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def hub(content):
    files = [
        HostedFile(
            content,
            "a.safetensors",
            civitai=(66, 75, 446),
            huggingface=(REPO, "a.safetensors"),
            model_name="Anything V3",
        ),
        HostedFile(b"x: 1\n", "a.yaml", civitai=(66, 75, 447), huggingface=(REPO, "a.yaml")),
    ]
    with EmbeddedHub(files, token="right") as server:
        yield server


def get(hub, path, **headers):
    return httpx.get(f"{hub.address}{path}", headers=headers)


def storage(hub):
    """The signed address of the first file."""
    return get(hub, "/api/download/models/75?fileId=446").headers["location"]


def test_a_download_leads_to_another_host_with_a_signed_address(hub):
    answer = get(hub, "/api/download/models/75")

    assert answer.status_code == 307
    assert answer.headers["location"].startswith(f"http://localhost:{hub.port}/storage/0/a.safe")
    assert "Signature=" in answer.headers["location"]
    body = httpx.get(answer.headers["location"])
    assert body.content == CONTENT
    assert body.headers["content-disposition"] == "attachment; filename*=UTF-8''a.safetensors"


def test_a_large_file_is_announced_on_the_first_hop(hub):
    answer = httpx.head(f"{hub.address}/{REPO}/resolve/main/a.safetensors")

    assert answer.status_code == 302
    assert answer.headers["x-linked-etag"] == f'"{hub.files[0].sha256}"'
    assert answer.headers["x-linked-size"] == str(len(CONTENT))
    commit = answer.headers["x-repo-commit"]
    assert get(hub, f"/{REPO}/resolve/{commit}/a.safetensors").status_code == 302
    assert answer.headers["etag"] != answer.headers["x-linked-etag"]


def test_a_small_file_comes_at_once(hub):
    answer = get(hub, f"/{REPO}/resolve/main/a.yaml")

    assert (answer.status_code, answer.content) == (200, b"x: 1\n")
    # printf 'x: 1\n' | git hash-object --stdin
    assert answer.headers["etag"] == '"d508cf756344aaf9123c531122a9d2d410c4ecfa"'


def test_ranges_are_served(hub):
    answer = httpx.get(storage(hub), headers={"Range": "bytes=10-19"})

    assert (answer.status_code, answer.content) == (206, CONTENT[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{len(CONTENT)}"


def test_a_range_behind_the_end_is_refused_with_the_length(hub):
    answer = httpx.get(storage(hub), headers={"Range": f"bytes={len(CONTENT)}-"})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_a_range_of_another_state_of_the_file_is_the_whole_file(hub):
    link = storage(hub)
    etag = httpx.head(link).headers["etag"]

    same = httpx.get(link, headers={"Range": "bytes=0-0", "If-Range": etag})
    other = httpx.get(link, headers={"Range": "bytes=0-0", "If-Range": '"other"'})

    assert (same.status_code, other.status_code) == (206, 200)


def test_the_storage_refuses_tokens_and_old_addresses(hub):
    link = storage(hub)

    assert httpx.get(link, headers={"Authorization": "Bearer x"}).status_code == 400
    hub.expire_links()
    assert httpx.get(link).status_code == 403
    assert httpx.get(storage(hub)).status_code == 200


def test_both_hubs_describe_the_same_file(hub):
    model = get(hub, "/api/v1/models/66").json()
    repo = get(hub, f"/api/models/{REPO}?blobs=true").json()

    (file, config) = model["modelVersions"][0]["files"]
    assert file["hashes"]["SHA256"].lower() == repo["siblings"][0]["lfs"]["sha256"]
    assert file["primary"] is True
    assert "primary" not in config
    assert "lfs" not in repo["siblings"][1]
    assert len(file["hashes"]["AutoV1"]) == 8


def test_models_are_listed_and_found_by_hash(hub):
    digits = hub.files[0].hashes["AutoV2"]

    assert get(hub, "/api/v1/models?query=anyth&limit=1").json()["items"][0]["id"] == 66
    assert get(hub, "/api/v1/models?query=nothing").json()["items"] == []
    assert get(hub, f"/api/v1/model-versions/by-hash/{digits}").json()["id"] == 75
    assert get(hub, "/api/v1/model-versions/by-hash/00").status_code == 404


def test_what_is_taken_down_is_gone_and_comes_back(hub):
    hub.take_down("civitai:66", status=410)
    assert get(hub, "/api/v1/models/66").status_code == 410
    assert get(hub, "/api/download/models/75").status_code == 410
    hub.restore("civitai:66")
    assert get(hub, "/api/v1/models/66").status_code == 200

    hub.take_down(f"hf:{REPO}:a.yaml")
    answer = get(hub, f"/{REPO}/resolve/main/a.yaml")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")


def test_a_repository_that_is_gone_looks_like_a_private_one(hub):
    hub.take_down(f"hf:{REPO}")

    stranger = get(hub, f"/api/models/{REPO}")
    known = get(hub, f"/api/models/{REPO}", authorization="Bearer right")

    assert (stranger.status_code, known.status_code) == (401, 404)
    assert stranger.headers["x-error-code"] == "RepoNotFound"


def test_a_token_can_be_demanded(hub):
    hub.demand_token()

    told = [
        get(hub, path, **headers).status_code
        for path in ("/api/download/models/75", f"/{REPO}/resolve/main/a.safetensors")
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer right"})
    ]

    assert told == [401, 401, 307, 401, 403, 302]


def test_a_byte_is_turned_once(hub):
    hub.damage("a.safetensors", flip_at=1000)
    link = storage(hub)

    untouched = httpx.get(link, headers={"Range": "bytes=0-999"}).content
    wrong = httpx.get(link, headers={"Range": "bytes=1000-1001"}).content
    right = httpx.get(link, headers={"Range": "bytes=1000-1001"}).content

    assert untouched == CONTENT[:1000]
    assert wrong == bytes([CONTENT[1000] ^ 0xFF, CONTENT[1001]])
    assert right == CONTENT[1000:1002]


def test_a_body_is_cut_once(hub):
    hub.damage("a.safetensors", cut_at=1000)
    link = storage(hub)

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(link)

    assert httpx.get(link).content == CONTENT


def test_requests_are_remembered(hub):
    get(hub, "/nothing", **{"X-Mine": "1"})

    (request,) = hub.requests
    assert (request.method, request.host, request.path) == ("GET", "127.0.0.1", "/nothing")
    assert request.headers["x-mine"] == "1"
    hub.forget_requests()
    assert hub.requests == []


def test_open_connections_end_with_the_server(content):
    with EmbeddedHub([HostedFile(content, "a.pt", civitai=(1, 2, 3))]) as hub:
        connection = socket.create_connection(("127.0.0.1", hub.port), timeout=10)
        connection.sendall(b"GET /api/v1/models/2 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(15) == b"HTTP/1.1 404 No"

    with connection:
        while connection.recv(1000):
            pass
