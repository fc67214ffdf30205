"""The seed and the migrations are found beside the package, or inside it when it is installed."""

import pytest

from registry.catalog import shipped as module
from registry.catalog.revision import peek_revision
from registry.catalog.shipped import shipped


def test_a_checkout_has_them_beside_the_package():
    assert (shipped("migrations") / "env.py").is_file()
    assert peek_revision(shipped("catalog.seed.json")) == 1


def test_an_installed_package_has_them_inside(tmp_path, monkeypatch):
    inside = tmp_path / "registry" / "_shipped" / "catalog.seed.json"
    inside.parent.mkdir(parents=True)
    inside.touch()
    (tmp_path / "catalog.seed.json").touch()
    monkeypatch.setattr(module, "_PACKAGE", tmp_path / "registry")

    assert shipped("catalog.seed.json") == inside


def test_what_is_in_neither_place_is_said_by_name():
    with pytest.raises(FileNotFoundError, match="without its nothing"):
        shipped("nothing")


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        ('{"schema": "x", "revision": 7, ', 7),
        ('{"revision":12}', 12),
        ('{"schema": "x"}', None),
        (" " * 600 + '{"revision": 1}', None),
    ],
)
def test_the_revision_is_read_from_the_first_lines(tmp_path, text, revision):
    (tmp_path / "seed.json").write_text(text)

    assert peek_revision(tmp_path / "seed.json") == revision


def test_a_file_that_is_not_there_has_no_revision(tmp_path):
    assert peek_revision(tmp_path / "none.json") is None
