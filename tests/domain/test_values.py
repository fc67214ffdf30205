"""What all nouns have in common, and the few words that only one of them has."""

import dataclasses
import importlib
import inspect
import pickle
import pkgutil

import pytest

import registry.domain
from registry.domain.audit import Finding, FindingKind
from registry.domain.progress import Progress
from registry.domain.tensors import TensorIndex, TensorInfo
from tests.factories import (
    make_blob,
    make_file,
    make_install,
    make_link,
    make_model,
    make_source,
    make_version,
)


def nouns():
    names = [info.name for info in pkgutil.iter_modules(registry.domain.__path__)]
    modules = [importlib.import_module(f"registry.domain.{name}") for name in names]
    return [
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
        if kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("noun", nouns(), ids=lambda noun: noun.__name__)
def test_every_noun_is_frozen_and_has_slots(noun):
    assert noun.__dataclass_params__.frozen
    assert "__slots__" in vars(noun)


@pytest.mark.parametrize(
    "value",
    [make_model(), make_install(), make_blob(), make_link(), make_source()],
    ids=lambda value: type(value).__name__,
)
def test_values_are_equal_by_content_hashable_and_travel_between_processes(value):
    there_and_back = pickle.loads(pickle.dumps(value))  # noqa: TID251 -- our own value, as multiprocessing sends it
    assert there_and_back == value
    assert hash(there_and_back) == hash(value)


def test_a_model_lists_its_files_with_their_versions_in_order():
    new = make_version(name="new", files=(make_file(name="a"), make_file(name="b")))
    old = make_version(name="old", files=(make_file(name="c"),))
    listed = [(version.name, file.name) for version, file in make_model(versions=(new, old)).files]
    assert listed == [("new", "a"), ("new", "b"), ("old", "c")]


@pytest.mark.parametrize("kind", FindingKind)
def test_every_finding_but_ok_asks_for_something_to_be_done(kind, tmp_path):
    finding = Finding(kind, "0" * 64, tmp_path, "It was looked at.")
    assert finding.is_bad == (kind is not FindingKind.OK)


def test_a_tensor_index_knows_shapes_by_name():
    index = TensorIndex((TensorInfo("a", "F16", (2, 3), 0, 12), TensorInfo("b", "F32", (), 12, 16)))
    assert index.shapes() == {"a": (2, 3), "b": ()}


def test_progress_does_nothing_and_never_objects():
    progress = Progress()
    progress.begin("x", None)
    progress.advance(-3)
    progress.say("hello")
    progress.end()
