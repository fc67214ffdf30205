"""`sdreg catalog`: files in and out, whole or not at all."""

import json

import pytest

from tests.catalog.documents import a_document, a_file, a_model, a_version
from tests.cli.shell import documented, names_in


@pytest.fixture
def file(tmp_path):
    """Writes a catalog file and returns its path."""

    def write(document, name="mine.json"):
        path = tmp_path / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


def count(sdreg):
    return len(sdreg.json("list", schema="sdreg.list/1")["models"])


def test_a_file_is_checked_without_taking_it_in(sdreg, file):
    mine = file(a_document(a_model("toy"), a_model("toy-two", versions=[])))

    assert sdreg("catalog", "check", mine).out == f"{mine}: 2 models, nothing wrong\n"
    told = sdreg.json("catalog", "check", mine, schema="sdreg.catalog-check/1")
    assert told == {"file": str(mine), "models": 2}
    assert names_in(told) <= documented("sdreg.catalog-check/1")
    assert count(sdreg) == 118


def test_a_file_is_taken_in_once(sdreg, file):
    mine = file(a_document(a_model("toy", trigger_words=["toy style"])))

    assert sdreg("catalog", "add", mine).out == "1 models added, 0 completed\n"
    again = sdreg.json("catalog", "add", mine, schema="sdreg.catalog-add/1")
    assert again == {"file": str(mine), "added": 0, "updated": 0}
    assert names_in(again) <= documented("sdreg.catalog-add/1")
    shown = sdreg.json("show", "toy", schema="sdreg.show/1")
    assert (shown["origin"], shown["trigger_words"]) == ("user", ["toy style"])
    assert sdreg("search", "toy style").lines[1].split()[0] == "toy"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (
            a_document(
                a_model("good"),
                a_model("bad", versions=[a_version(files=[a_file(size_bytes="9")])]),
            ),
            'models[1] "bad" → versions[0].files[0].size_bytes: "9" is not a whole number',
        ),
        (
            a_document(
                a_model("toy", versions=[a_version(files=[a_file(hashes={"sha256": "ab"})])])
            ),
            'models[0] "toy" → versions[0].files[0].hashes.sha256: "ab" is no sha256',
        ),
        (a_document(a_model("toy"), a_model("toy")), 'models[1] "toy"'),
        (a_document(a_model("toy", nonsense=1)), 'models[0] "toy" → nonsense'),
    ],
)
@pytest.mark.parametrize("command", ["add", "check"])
def test_a_wrong_file_is_refused_by_row_and_field_and_nothing_of_it_is_kept(
    sdreg, file, command, document, where
):
    mine = file(document)

    said, hint = sdreg.error("catalog", command, mine, expect=11)

    assert where in said
    assert said.startswith(str(mine))
    assert hint
    assert count(sdreg) == 118


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"a": NaN}', b"\x00" * 100])
def test_what_is_no_catalog_file_is_refused(sdreg, tmp_path, content):
    path = tmp_path / "mine.json"
    path.write_bytes(content)

    said, _ = sdreg.error("catalog", "add", path, expect=11)

    assert said.startswith(str(path))
    assert count(sdreg) == 118


def test_a_file_that_is_not_there_or_a_folder_is_refused(sdreg, tmp_path):
    for path in (tmp_path / "nowhere.json", tmp_path):
        said, _ = sdreg.error("catalog", "add", path, expect=11)
        assert str(path) in said


def test_what_is_exported_can_be_taken_in_elsewhere_and_changes_nothing_here(
    sdreg, file, tmp_path, monkeypatch
):
    sdreg("catalog", "add", file(a_document(a_model("toy"))))
    exported = tmp_path / "export.json"

    assert sdreg("catalog", "export", exported).out == f"{exported}: 119 models\n"
    assert sdreg("catalog", "add", exported).out == "0 models added, 0 completed\n"
    before = sdreg("list", "--json").out, sdreg("show", "anything-v3").out

    monkeypatch.setenv("SDREG_HOME", str(tmp_path / "elsewhere"))
    assert sdreg("catalog", "add", exported).out.startswith("1 models added")
    assert (sdreg("list", "--json").out, sdreg("show", "anything-v3").out) == before
    assert sdreg("catalog", "check", exported).out == f"{exported}: 119 models, nothing wrong\n"


def test_the_export_goes_to_standard_output_too(sdreg, tmp_path):
    file = tmp_path / "export.json"
    told = sdreg.json("catalog", "export", file, schema="sdreg.catalog-export/1")
    out = sdreg("catalog", "export").out

    assert told == {"file": str(file), "models": 118}
    assert json.loads(out) == json.loads(file.read_text("utf-8"))
    assert json.loads(out)["schema"] == "sdreg.catalog/1"
    assert sdreg("catalog", "export", "--json").out == out


def test_an_export_overwrites_nothing(sdreg, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text("my own work")

    said, _ = sdreg.error("catalog", "export", mine, expect=2)

    assert str(mine) in said
    assert mine.read_text() == "my own work"


def test_an_upgrade_that_is_not_needed_says_where_it_is(sdreg):
    told = sdreg.json("catalog", "upgrade", schema="sdreg.catalog-upgrade/1")
    out = sdreg("catalog", "upgrade").out

    assert out == f"the catalog is at schema {told['schema_revision']}\n"
    assert not list((sdreg.home / "backups").glob("*"))


SCHEMA = "sdreg.catalog-refresh/1"


def test_refreshing_nothing(sdreg):
    assert sdreg("catalog", "refresh").out == "nothing to ask about\n"
    assert sdreg.json("catalog", "refresh", schema=SCHEMA) == {"models": []}


def test_refreshing_tells_current_from_gone(sdreg, hub):
    sdreg("show", "civitai:901")

    here = sdreg.json("catalog", "refresh", "civitai-901", schema=SCHEMA)
    hub.take_down("civitai:901")
    gone = sdreg("catalog", "refresh", "civitai-901").out

    assert [one["outcome"] for one in here["models"]] == ["current"]
    assert names_in(here) <= documented(SCHEMA)
    assert gone.startswith("gone     civitai-901 at civitai:901")
    shown = sdreg.json("show", "civitai-901", schema="sdreg.show/1")
    assert shown["gone_since"] or all(file["gone_since"] for file in shown["files"])


def test_without_a_command_help_is_shown(sdreg):
    assert sdreg("catalog", expect=2).out.startswith("Usage: sdreg catalog")
