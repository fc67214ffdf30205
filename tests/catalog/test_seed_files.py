"""Every way in which a catalog file can be wrong, and the sentence about it."""

import json

import pytest

from registry.catalog import seed
from registry.catalog.seed_schema import MAX_FILE_BYTES
from registry.errors import CatalogInvalid
from scripts.write_schema import SCHEMA_FILE, schema_text
from tests.catalog.documents import a_document, a_file, a_model, a_version, as_bytes, digits


def refusal(content: bytes) -> str:
    """What is said about a file with this content."""
    with pytest.raises(CatalogInvalid) as caught:
        seed.check(content, file="mine.json")
    return str(caught.value)


def with_file(**changes):
    return a_document(
        a_model("first"),
        a_model("toy", versions=[a_version(files=[a_file("a.ckpt"), a_file(**changes)])]),
    )


FILE = 'mine.json, models[1] "toy" → versions[0].files[1]'


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            with_file(hashes={"sha256": "abc"}),
            f'{FILE}.hashes.sha256: "abc" is no sha256: a sha256 has 64 digits, not 3',
        ),
        (
            with_file(hashes={"sha256": "z" * 64}),
            f'{FILE}.hashes.sha256: "{"z" * 59}… is no sha256: it is not hexadecimal',
        ),
        (
            with_file(hashes={"crc32": "1234567"}),
            f'{FILE}.hashes.crc32: "1234567" is no crc32: a crc32 has 8 digits, not 7',
        ),
        (with_file(hashes={"md5": "00"}), f"{FILE}.hashes.md5: there is no such field"),
        (
            with_file(hashes={"sha256": digits("x"), "autov2": "0" * 10}),
            f"{FILE}.hashes: autov2 is not the begin of sha256",
        ),
        (with_file(size_bytes="1000"), f'{FILE}.size_bytes: "1000" is not a whole number'),
        (with_file(size_bytes=1.0), f"{FILE}.size_bytes: 1.0 is not a whole number"),
        (with_file(size_bytes=True), f"{FILE}.size_bytes: true is not a whole number"),
        (with_file(size_bytes=-1), f"{FILE}.size_bytes: -1 is less than 0"),
        (
            with_file(size_bytes=2**53),
            f"{FILE}.size_bytes: 9007199254740992 is too large",
        ),
        (with_file(is_primary="yes"), f'{FILE}.is_primary: "yes" is not true or false'),
        (with_file(is_primary=1), f"{FILE}.is_primary: 1 is not true or false"),
        (with_file(name=""), f"{FILE}.name: it is empty"),
        (with_file(name=None), f"{FILE}.name: null is not a text"),
        (with_file(note="x" * 65537), f"{FILE}.note: it is longer than 65536 characters"),
        (with_file(note="a\x00b"), f'{FILE}.note: "a\\u0000b" holds a NUL character'),
        (with_file(aliases="a"), f'{FILE}.aliases: "a" is not a list'),
        (with_file(aliases=["a"] * 10001), f"{FILE}.aliases: it has more than 10000 items"),
        (with_file(colour="red"), f"{FILE}.colour: there is no such field"),
        (with_file(gated=7), f"{FILE}.gated: 7 is not true or false"),
        (
            with_file(confidence="sure"),
            f"{FILE}.confidence: \"sure\" is not one of 'seen', 'seen-twice' or 'recalled'",
        ),
        (
            with_file(sources=[{"hub": "direct", "url": "javascript:alert(1)"}]),
            f'{FILE}.sources[0].url: "javascript:alert(1)" is not an http or https address',
        ),
        (
            with_file(sources=[{"hub": "direct", "url": "file:///etc/passwd"}]),
            f'{FILE}.sources[0].url: "file:///etc/passwd" is not an http or https address',
        ),
        (
            with_file(sources=[{"hub": "civitai"}]),
            f"{FILE}.sources[0]: names no model, version, file or url",
        ),
        (
            with_file(name="a.ckpt"),
            (
                'mine.json, models[1] "toy" → versions[0]: '
                "files[0] and files[1] have the same name, sha256 and hub_file_id"
            ),
        ),
        (
            a_document(a_model("toy"), a_model("toy")),
            'mine.json, models[1] "toy" → slug: models[0] has the same slug',
        ),
        (
            a_document(a_model("toy", versions=[a_version(), a_version()])),
            (
                'mine.json, models[0] "toy": '
                "versions[0] and versions[1] have the same name and hub_version_id"
            ),
        ),
        (
            a_document(
                a_model("toy", versions=[a_version(hub_version_id="75")]),
                a_model("two", versions=[a_version(hub_version_id="75")]),
            ),
            (
                'mine.json, models[1] "two" → versions[0].hub_version_id: '
                '75 is also the hub_version_id of models[0] "toy" → versions[0]'
            ),
        ),
        (
            a_document(
                a_model("toy", versions=[a_version(files=[a_file(hub_file_id="9")])]),
                a_model("two", versions=[a_version(files=[a_file(hub_file_id="9")])]),
            ),
            (
                'mine.json, models[1] "two" → versions[0].files[0].hub_file_id: '
                '9 is also the hub_file_id of models[0] "toy" → versions[0].files[0]'
            ),
        ),
        (
            a_document(a_model("Not A Slug")),
            (
                'mine.json, models[0] "Not A Slug" → slug: "Not A Slug" is not a slug: '
                "lower-case letters, digits, and . _ + - behind the first"
            ),
        ),
        (
            a_document({"slug": "toy", "type": "lora"}),
            'mine.json, models[0] "toy" → name: it is missing',
        ),
        (a_document("toy"), 'mine.json, models[0]: "toy" is not an object'),
        (
            a_document(a_model(homepage="mailto:x@y")),
            'mine.json, models[0] "toy" → homepage: "mailto:x@y" is not an http or https address',
        ),
        (
            a_document(a_model(hub_models=["civitai"])),
            (
                'mine.json, models[0] "toy" → hub_models[0]: "civitai" is not HUB:ID, '
                "such as civitai:66"
            ),
        ),
        (
            a_document(a_model(gone_since="2026-01-01")),
            (
                'mine.json, models[0] "toy" → gone_since: "2026-01-01" is not a time with a zone, '
                "such as 2026-01-31T12:00:00+00:00"
            ),
        ),
        (
            {"schema": "sdreg.catalog/9", "models": []},
            (
                'mine.json, schema: "sdreg.catalog/9" is not a schema that this sdreg reads; '
                "it reads sdreg.catalog/1"
            ),
        ),
        ({"models": [], "revision": 1}, "mine.json, schema: it is missing"),
        ({"schema": "sdreg.catalog/1", "revision": 1}, "mine.json, models: it is missing"),
        (a_document(revision="1"), 'mine.json, revision: "1" is not a whole number'),
        (a_document(revision=0), "mine.json, revision: 0 is less than 1"),
        (a_document(extra=1), "mine.json, extra: there is no such field"),
        (a_document(evidence={"K": {}}), "mine.json, evidence.K.what: it is missing"),
        ({**a_document(), "models": {"a": 1}}, 'mine.json, models: {"a": 1} is not a list'),
        ([], "mine.json: it is not an object with schema, revision and models"),
    ],
)
def test_a_wrong_field_is_named_with_its_row_and_what_is_wrong(document, sentence):
    assert refusal(as_bytes(document)) == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "mine.json, line 1 column 1: it is not JSON: Expecting value"),
        (
            b'{"schema": "sdreg',
            "mine.json, line 1 column 12: it is not JSON: Unterminated string starting at",
        ),
        (
            b"\xef\xbb\xbf{}",
            "mine.json: it begins with a byte order mark; save it as UTF-8 without one",
        ),
        (b'{"a": "\xff"}', "mine.json: byte 7 is not UTF-8"),
        (b'{"a": NaN}', "mine.json: NaN is not a number in JSON"),
        (b'{"a": -Infinity}', "mine.json: -Infinity is not a number in JSON"),
        (b'{"a": 1e999}', "mine.json: the number 1e999 is too large"),
        (b'{"a": ' + b"9" * 10000 + b"}", f"mine.json: the number {'9' * 30}… is too large"),
        (b'{"a": 1, "a": 2}', 'mine.json: the key "a" stands twice in one object'),
        (b"[" * 100_000, "mine.json: it is nested too deeply"),
        (b'{"a":' * 100_000, "mine.json: it is nested too deeply"),
    ],
)
def test_what_is_not_plain_json_is_refused_before_anything_else(content, sentence):
    assert refusal(content) == sentence


def test_a_lone_half_of_a_surrogate_pair_is_refused():
    content = as_bytes(a_document(a_model(note="NOTE"))).replace(b"NOTE", rb"\ud800")

    assert refusal(content) == 'mine.json, models[0] "toy" → note: it cannot be written as UTF-8'


def test_a_huge_string_costs_one_short_sentence():
    told = refusal(as_bytes(a_document(a_model(slug="x" * 10_000_000))))

    assert "is not a slug" in told
    assert len(told) < 500


def test_a_file_larger_than_the_cap_is_refused_by_its_length_alone(tmp_path):
    big = tmp_path / "big.json"
    with big.open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)

    with pytest.raises(CatalogInvalid, match="larger than 256 MiB"):
        seed.load_seed(big)


def test_a_file_that_cannot_be_read_is_said_so(tmp_path):
    with pytest.raises(CatalogInvalid, match="No such file"):
        seed.load_seed(tmp_path / "none.json")


def test_upper_case_hashes_are_taken_as_lower_case():
    document = a_document(
        a_model(versions=[a_version(files=[a_file(hashes={"crc32": "ABCDEF01"})])])
    )

    (model,) = seed.check(as_bytes(document), file="mine.json").models

    assert model.versions[0].files[0].hashes.crc32 == "abcdef01"


def test_two_versions_may_hold_the_same_bytes():
    twice = [a_version("v1"), a_version("v2")]

    assert len(seed.check(as_bytes(a_document(a_model(versions=twice))), file="x").models) == 1


def test_the_documented_schema_is_the_one_that_is_checked():
    assert SCHEMA_FILE.read_text("utf-8") == schema_text(), "run scripts/write_schema.py"


def test_the_json_schema_is_json():
    assert json.loads(SCHEMA_FILE.read_text("utf-8"))["title"] == "SeedCatalog"


def test_null_is_the_same_as_left_out_for_every_field_that_may_be(tmp_path):
    file = tmp_path / "mine.json"
    nulls = dict.fromkeys(("author", "pages", "hub_models", "permissions", "trigger_words"))
    model = {"slug": "toy", "name": "Toy", "type": "lora", "versions": None, **nulls}
    file.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": [model]}))

    assert [model.slug for model in seed.load_seed(file).models] == ["toy"]


def test_what_is_no_file_is_not_read(tmp_path):
    with pytest.raises(CatalogInvalid, match="it is not a file"):
        seed.load_seed(tmp_path)
