import sys

import pytest

from registry.discovery import collect


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Makes a package out of texts and takes it out of the interpreter again."""
    made = []

    def make(name, **modules):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        made.append(name)
        return __import__(name)

    yield make
    for module in [name for name in sys.modules if name.partition(".")[0] in made]:
        del sys.modules[module]


def test_what_lies_in_the_folder_is_there_in_the_order_of_names(room):
    package = room("a_room_of_three", zebra="THING = 3", ant="THING = 1", cow="THING = 2")
    assert list(collect(package, "THING").items()) == [("ant", 1), ("cow", 2), ("zebra", 3)]


def test_modules_that_bring_nothing_are_passed_over(room):
    package = room("a_room_with_a_guest", thing="THING = None", guest="OTHER = 1")
    assert collect(package, "THING") == {"thing": None}


def test_an_empty_room_has_nothing(room):
    assert collect(room("an_empty_room"), "THING") == {}


def test_only_direct_modules_count_and_a_folder_may_be_one(room, tmp_path):
    package = room("a_room_with_stairs")
    upstairs = tmp_path / "a_room_with_stairs" / "upstairs"
    upstairs.mkdir()
    (upstairs / "__init__.py").write_text("THING = 1")
    (upstairs / "attic.py").write_text("THING = 2")
    assert collect(package, "THING") == {"upstairs": 1}


def test_a_module_that_breaks_is_not_swallowed(room):
    package = room("a_room_on_fire", fine="THING = 1", broken="raise RuntimeError('on fire')")
    with pytest.raises(RuntimeError, match="on fire"):
        collect(package, "THING")
