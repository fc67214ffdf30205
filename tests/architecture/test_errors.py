"""Every error of the tree: named, numbered, in sentences, and able to travel."""

import copy
import dataclasses
import inspect
import pickle
import re
import types
import typing

import pytest

from registry import errors
from registry.errors import SdregError


def below(kind):
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


FAMILIES = [SdregError, *SdregError.__subclasses__()]
ALL = [
    SdregError,
    *(
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, SdregError) and kind is not SdregError
    ),
]
LEAVES = [kind for kind in ALL if dataclasses.is_dataclass(kind)]


def named(kind):
    return kind.__name__


def example_of(fact):
    """A plausible value for one field, by its annotation; optional ones are given."""
    if isinstance(fact, types.UnionType):
        return example_of(next(kind for kind in typing.get_args(fact) if kind is not type(None)))
    if typing.get_origin(fact) is tuple:
        return tuple(example_of(kind) for kind in typing.get_args(fact) if kind is not Ellipsis)
    values = {str: "thing", int: 7, float: 2.5, bool: True}
    return values[fact]


def examples_of(kind):
    """One error with every fact given, and one with only those that must be."""
    facts = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    needed = [field for field in fields if field.default is dataclasses.MISSING]
    yield kind(**{field.name: example_of(facts[field.name]) for field in fields})
    yield kind(**{field.name: example_of(facts[field.name]) for field in needed})


def test_every_error_of_the_program_is_in_the_one_file():
    assert {kind.__module__ for kind in below(SdregError)} == {"registry.errors"}


def test_every_code_names_one_error():
    codes = [kind.code for kind in ALL]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("kind", ALL, ids=named)
def test_a_code_is_kebab_case_and_stands_in_its_class(kind):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)
    assert "code" in vars(kind)


@pytest.mark.parametrize("kind", LEAVES, ids=named)
def test_a_leaf_exits_as_its_family_does(kind):
    family = next(ancestor for ancestor in FAMILIES[1:] if issubclass(kind, ancestor))
    assert kind.exit_code == family.exit_code
    assert kind is family or "exit_code" not in vars(kind)


def test_families_have_exit_codes_of_their_own():
    codes = [family.exit_code for family in FAMILIES[1:]]
    assert sorted(codes) == sorted(set(codes))
    assert not {0, 1} & set(codes), "0 is done, 1 means that findings were reported"


@pytest.mark.parametrize("kind", LEAVES, ids=named)
def test_an_error_says_what_is_wrong_and_what_to_do(kind):
    for error in examples_of(kind):
        text, hint = str(error), error.hint
        assert text
        assert "None" not in text
        assert not text.endswith("."), "the text goes on in other sentences"
        assert error.__doc__
        assert error.__doc__.splitlines()[0].endswith(".")
        if hint is not None and not hasattr(error, "advice"):
            assert hint[0].isupper() or hint[0] == "`"
            assert hint.endswith((".", "?")) or "…" in hint, hint
            assert "None" not in hint


@pytest.mark.parametrize("kind", LEAVES, ids=named)
def test_an_error_comes_home_from_another_process_with_its_facts(kind):
    for error in examples_of(kind):
        for home in (
            pickle.loads(pickle.dumps(error)),  # noqa: TID251 -- our own value, as multiprocessing sends it
            copy.copy(error),
        ):
            assert type(home) is kind
            assert dataclasses.asdict(home) == dataclasses.asdict(error)
            assert (str(home), home.hint) == (str(error), error.hint)


@pytest.mark.parametrize("kind", LEAVES, ids=named)
def test_two_errors_are_never_equal_only_because_they_look_alike(kind):
    error = next(examples_of(kind))
    assert error != copy.copy(error)
    assert hash(error)


def drawn():
    """The tree of the docstring: family to (exit code, its leaves, the retryable ones)."""
    tree = {}
    for line in errors.__doc__.splitlines():
        if found := re.match(r"    [├└]── (\w+)\s+(\d+)(.*)", line):
            family, code, rest = found.groups()
            tree[family] = (int(code), [])
        elif line.startswith("    │") and tree:
            rest = line
        else:
            continue
        tree[family][1].extend(re.findall(r"[A-Z]\w+\*?", rest))
    return tree


@pytest.mark.parametrize("family", FAMILIES[1:], ids=named)
def test_the_drawn_tree_shows_every_error_in_its_place(family):
    code, leaves = drawn()[family.__name__]
    assert code == family.exit_code
    assert sorted(leaves) == sorted(
        kind.__name__ + ("*" if kind.retryable else "") for kind in below(family)
    )


def test_the_drawn_tree_shows_no_family_that_is_not_there():
    assert sorted(drawn()) == sorted(named(family) for family in FAMILIES[1:])
