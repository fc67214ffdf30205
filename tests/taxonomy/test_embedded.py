"""What a file's metadata recommend, and how little of it is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.tensors import TensorIndex
from registry.taxonomy.identify import identify


def known(**metadata):
    return identify(TensorIndex((), {k.replace("__", "."): v for k, v in metadata.items()}))


@pytest.mark.parametrize(
    ("metadata", "value"),
    [
        ({"modelspec__encoder_layer": "2"}, 2),
        ({"ss_clip_skip": "1"}, 1),
        ({"ss_clip_skip": "None"}, None),
        ({"ss_clip_skip": "-2"}, None),
        ({"ss_clip_skip": "0"}, None),
        ({"ss_clip_skip": "99"}, None),
        ({"ss_clip_skip": "9" * 5000}, None),
        ({"ss_clip_skip": "²"}, None),
        ({"modelspec__encoder_layer": "2", "ss_clip_skip": "1"}, 2),
        ({}, None),
    ],
)
def test_a_clip_skip_is_taken_only_if_it_can_be_one(metadata, value):
    found = known(**metadata)

    assert found.clip_skip == value
    assert any("CLIP skip" in reason for reason in found.reasons) is (value is not None)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("white noise", ("white noise",)),
        ("white noise, grain ,white noise", ("white noise", "grain")),
        ('["a, b", "c", 7]', ("a, b", "c")),
        (" ,, ", ()),
        ("x" * 300, ()),
        (",".join(f"word{n}" for n in range(99)), tuple(f"word{n}" for n in range(20))),
    ],
)
def test_the_words_that_a_maker_names_are_taken(told, words):
    assert known(modelspec__trigger_phrase=told).trigger_words == words
    assert known(ss_trigger_words=told).trigger_words == words


def frequency(**folders):
    return json.dumps(folders)


def test_a_tag_under_every_picture_is_a_trigger_word():
    tags = frequency(a={"inkwash": 40, "1girl": 25})
    pictures = json.dumps({"a": {"n_repeats": 10, "img_count": 40}})
    found = known(ss_tag_frequency=tags, ss_dataset_dirs=pictures)

    assert found.trigger_words == ("inkwash",)
    assert any("under every picture" in reason for reason in found.reasons)


def test_tags_that_some_pictures_lack_are_no_trigger_words():
    pictures = json.dumps({"a": {"img_count": 40}})

    assert (
        known(ss_tag_frequency=frequency(a={"1girl": 39}), ss_dataset_dirs=pictures).trigger_words
        == ()
    )


def test_every_folder_of_pictures_may_have_a_word_of_its_own():
    tags = frequency(a={"ink": 3, "sky": 1}, b={"wash": 5})

    assert known(ss_tag_frequency=tags).trigger_words == ("ink", "wash")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1}', '{"a": {"b": "c"}}', '{"a": {"b": true}}', "[" * 9999]
)
def test_metadata_that_make_no_sense_name_no_words(text):
    assert known(ss_tag_frequency=text, ss_dataset_dirs=text).trigger_words == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON, JSON, st.text(max_size=50))
def test_nothing_in_the_metadata_makes_it_fail(tags, pictures, text):
    found = known(
        ss_tag_frequency=json.dumps(tags),
        ss_dataset_dirs=json.dumps(pictures),
        ss_clip_skip=text,
        modelspec__trigger_phrase=text,
    )

    assert all(word.strip() == word and word for word in found.trigger_words)
