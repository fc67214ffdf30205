"""`sdreg search`: words and their beginnings, best first."""

from tests.cli.shell import documented, names_in

SCHEMA = "sdreg.search/1"


def slugs(document):
    return [model["slug"] for model in document["models"]]


def test_ink_finds_inkpunk_with_its_trigger_word(sdreg):
    lines = sdreg("search", "ink").lines
    first = sdreg.json("search", "ink", schema=SCHEMA)["models"][0]

    assert lines[1].split()[0] == "inkpunk-diffusion"
    assert lines[1].endswith("nvinkpunk")
    assert (first["slug"], first["trigger_words"]) == ("inkpunk-diffusion", ["nvinkpunk"])
    assert names_in(first) <= documented(SCHEMA)


def test_a_trigger_word_leads_to_its_model(sdreg):
    assert slugs(sdreg.json("search", "nvinkpunk", schema=SCHEMA)) == ["inkpunk-diffusion"]


def test_all_words_must_be_there_in_any_order_and_case(sdreg):
    there = slugs(sdreg.json("search", "Diff", "INK", schema=SCHEMA))

    assert there[0] == "inkpunk-diffusion"
    assert slugs(sdreg.json("search", "ink zzqqxx", schema=SCHEMA)) == []


def test_a_limit_holds(sdreg):
    assert len(slugs(sdreg.json("search", "a", "--limit", "3", schema=SCHEMA))) == 3


def test_nothing_found_is_no_error(sdreg):
    assert sdreg("search", "zzqqxx").out == "no model fits\n"
    assert sdreg.json("search", "zzqqxx", schema=SCHEMA) == {"models": []}


def test_signs_of_a_query_language_are_words_only(sdreg):
    for text in ('"', "*", "a OR b", "NEAR(a b)", "name:x", "(", "--", "'; DROP TABLE models;"):
        sdreg("search", "--", text)
    assert sdreg("search", "ink").lines[1].split()[0] == "inkpunk-diffusion"


def test_online_asks_the_hubs_and_keeps_what_they_answer(sdreg, hub):
    found = slugs(sdreg.json("search", "noise", "--online", schema=SCHEMA))
    hub.forget_requests()
    again = slugs(sdreg.json("search", "noise", schema=SCHEMA))

    assert "civitai-901" in found
    assert "civitai-901" in again
    assert hub.requests == []
