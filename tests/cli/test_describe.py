"""Domain values as documents: every fact once, under its documented name."""

from datetime import UTC, datetime

from registry.cli import describe
from registry.domain.hashes import HashKind
from registry.resolve.preference import Preference
from tests import factories

WHEN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_model_in_a_listing_has_the_size_of_the_file_that_would_be_taken():
    small = factories.make_file(name="small.safetensors", size_bytes=10)
    pickle = factories.make_file(name="other.safetensors", size_bytes=99, sources=())
    model = factories.make_model(
        versions=(factories.make_version(files=(pickle, small)),), trigger_words=("word",)
    )

    document = describe.model_document(model, {"anything-v3"}, Preference())

    assert (document["file"], document["size_bytes"]) == ("small.safetensors", 10)
    assert (document["installed"], document["clip_skip"]) == (True, 2)
    assert document["trigger_words"] == ["word"]


def test_a_model_without_a_file_has_no_size():
    model = factories.make_model(versions=(), clip_skip=None)

    document = describe.model_document(model, (), Preference())

    assert (document["file"], document["size_bytes"], document["clip_skip"]) == (None, None, None)
    assert document["installed"] is False


def test_trigger_words_of_the_version_come_before_those_of_the_model():
    model = factories.make_model(trigger_words=("of the model",))
    with_words = factories.make_version(trigger_words=("of the version",))

    assert describe.trigger_words(model, with_words) == ("of the version",)
    assert describe.trigger_words(model, factories.make_version()) == ("of the model",)
    assert describe.trigger_words(model) == ("of the model",)


def test_a_file_says_its_hashes_by_kind_and_its_sources_as_references():
    hashes = factories.make_hashes(HashKind.SHA256, HashKind.CRC32)
    file = factories.make_file(hashes=hashes, gone_since=WHEN, gated="early access")

    document = describe.file_document(factories.make_version(), file)

    assert set(document["hashes"]) == {"sha256", "crc32"}
    assert document["sources"] == ["civitai:66@75+446"]
    assert document["gone_since"] == "2026-11-23T12:00:00+00:00"
    assert document["gated"] == "early access"
    assert (document["version"], document["version_id"]) == ("V3.0", "75")
    assert (document["format"], document["precision"], document["pruning"]) == (
        "safetensors",
        "fp16",
        "pruned",
    )


def test_details_say_where_the_clip_skip_is_known_from():
    document = describe.details_document(factories.make_model())
    without = describe.details_document(factories.make_model(clip_skip=None))

    assert (document["clip_skip"], document["clip_skip_source"]) == (2, "the model's page")
    assert (without["clip_skip"], without["clip_skip_source"]) == (None, None)
    assert len(document["files"]) == 1


def test_an_install_names_its_links():
    document = describe.install_document(factories.make_install(), "/store/x")

    assert document["path"] == "/store/x"
    assert document["installed_at"] == "2026-11-23T12:00:00+00:00"
    assert [link["method"] for link in document["links"]] == ["hardlink"]
    assert set(document["links"][0]) == {"layout", "path", "method"}
