"""Texts, flags and numbers are read without pydantic, and held to their bounds."""

import pytest


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["list", "--limit", "many"], "Invalid value for '--limit': 'many' is not a whole number"),
        (["list", "--limit", "1.5"], "Invalid value for '--limit': '1.5' is not a whole number"),
        (["list", "--limit", "0"], "Invalid value for '--limit': 0 is less than 1"),
        (["list", "--offset", "-1"], "Invalid value for '--offset': -1 is less than 0"),
        (["search", "ink", "--limit", "-3"], "Invalid value for '--limit': -3 is less than 1"),
        (["show", "\udcff"], "Invalid value for 'MODEL': it is not readable as text"),
        (["search", "a", "\udcff"], "Invalid value for 'WORDS': it is not readable as text"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(sdreg, words, sentence):
    said, _ = sdreg.error(*words, expect=2)

    assert said == sentence


def test_what_is_left_out_is_not_known(sdreg):
    everything = sdreg.json("list", schema="sdreg.list/1")["models"]

    assert len(everything) == 118


def test_numbers_and_texts_arrive(sdreg):
    everything = sdreg.json("list", schema="sdreg.list/1")["models"]
    some = sdreg.json("list", "--limit", "3", "--offset=2", schema="sdreg.list/1")["models"]
    found = sdreg.json("search", "ink", "diff", schema="sdreg.search/1")["models"]

    assert some == everything[2:5]
    assert found[0]["slug"] == "inkpunk-diffusion"


def test_a_search_for_nothing_is_refused(sdreg):
    said, _ = sdreg.error("search", expect=2)

    assert said == "Missing argument 'WORDS'."


def test_an_option_without_its_value_is_refused(sdreg):
    said, _ = sdreg.error("list", "--type", expect=2)

    assert said.startswith("Option '--type' requires an argument")


def test_a_flag_and_its_opposite(sdreg):
    words = ("why", "anything-v3", "--prefer", "fp16", "--format", "pickle")
    full = sdreg.json(*words, "--full", schema="sdreg.why/1")["chosen"]
    pruned = sdreg.json(*words, "--pruned", schema="sdreg.why/1")["chosen"]

    assert (full["precision"], pruned["precision"]) == ("fp16", "fp16")


def test_two_dashes_end_the_options(sdreg):
    assert sdreg("search", "--", "--zzqqxx").out == "no model fits\n"
