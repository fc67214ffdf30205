"""Rows 1 to 10 of the faults: ranges, totals, and files that change midway."""

import pytest

from registry.errors import ConnectionLost, HashMismatch, RemoteChanged, SizeMismatch
from tests.faults.household import AT_CIVITAI, CIVITAI, HUGGINGFACE, KIB, MIB, weights

SMALL = weights(300 * KIB)
OTHER = weights(300 * KIB, seed=2)
LARGE = weights(18 * MIB)


def test_row_01_ranges_that_are_ignored_make_one_stream(house, server):
    url = server.serve("noise.safetensors", LARGE, ranges=False)

    house.installs(url, LARGE)

    assert len(server.seen("noise.safetensors")) == 1


def test_row_01_a_cut_stream_without_ranges_begins_again_in_place(house, server):
    url = server.serve("noise.safetensors", SMALL, ranges=False, cut_at=100 * KIB, cuts=2)

    house.installs(url, SMALL)


def test_row_01_ranges_that_are_ignored_from_the_middle_on_are_not_appended(house, server):
    script = [{"cut_at": 200 * KIB}, {"ranges": False}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.installs(url, SMALL)


def test_row_02_a_range_that_begins_elsewhere_is_rejected_and_the_file_still_arrives(house, server):
    url = server.serve("noise.safetensors", SMALL, begin_shift=7)

    house.installs(url, SMALL)

    assert server.seen("noise.safetensors")[-1].range is None, "asked without a range in the end"


def test_row_02_one_such_range_midway_is_rejected_and_the_others_go_on(house, server):
    script = [{"cut_at": 9 * MIB}, {"begin_shift": 1}, {}]
    url = server.serve("noise.safetensors", LARGE, script=script)

    house.installs(url, LARGE)

    # The piece in which the first answer was cut comes twice, at most.
    assert server.sent_bytes("noise.safetensors") <= len(LARGE) + 4 * MIB


def test_row_03_another_total_midway_is_another_file(house, server):
    script = [{"cut_at": 100 * KIB}, {"content": OTHER[:-4096], "etag": '"v1"'}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.refuses(url, HashMismatch, SMALL)


def test_row_03_another_total_than_the_catalogs_is_told(house, hub):
    hub.serve(AT_CIVITAI, SMALL, script=[{"cut_at": 100 * KIB}, {"total_said": len(SMALL) + 1}])
    house.knows(SMALL, CIVITAI)

    house.refuses("noise", SizeMismatch)


def test_row_03_a_total_that_was_a_passing_lie_costs_one_new_beginning(house, server):
    script = [{"cut_at": 100 * KIB}, {"total_said": len(SMALL) + 1}, {}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.installs(url, SMALL)


def test_row_04_shifted_bytes_are_fetched_once_more_in_one_stream(house, server):
    url = server.serve("noise.safetensors", SMALL, script=[{"body_shift": 3}, {}])

    house.installs(url, SMALL)

    first, last = server.seen("noise.safetensors")
    assert (first.range, last.range) == ((0, None), None)
    assert last.headers["cache-control"] == "no-cache"


def test_row_04_bytes_that_stay_shifted_come_from_the_other_source(house, hub, other_server):
    hub.serve(AT_CIVITAI, SMALL, body_shift=3)
    other_server.serve("made-up/noise/resolve/main/noise.safetensors", SMALL)
    house.knows(SMALL, CIVITAI, HUGGINGFACE)

    done = house.installs("noise", SMALL)

    assert done.install.source == "hf:made-up/noise:noise.safetensors"


def test_row_05_bytes_behind_the_range_are_ignored(house, server):
    url = server.serve("noise.safetensors", SMALL, more=b"x" * 5000)

    house.installs(url, SMALL)


def test_row_05_bytes_behind_the_range_never_reach_the_next_piece(house, server):
    script = [{"cut_at": 9 * MIB}, {"more": b"x" * 5 * MIB}]
    url = server.serve("noise.safetensors", LARGE, script=script)

    house.installs(url, LARGE)


def test_row_06_several_ranges_for_one_are_rejected(house, server):
    url = server.serve("noise.safetensors", SMALL, multipart=True)

    house.installs(url, SMALL)

    assert server.seen("noise.safetensors")[-1].range is None


def test_row_06_several_ranges_for_one_midway_are_rejected(house, server):
    script = [{"cut_at": 100 * KIB}, {"multipart": True}, {}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.installs(url, SMALL)


def test_row_07_a_strong_etag_that_changes_midway_begins_anew(house, server):
    script = [{"cut_at": 100 * KIB}, {"content": OTHER, "etag": '"v2"'}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    house.installs(url, OTHER, knowing=False)

    assert any("begins anew" in line for line in house.heard.lines)


def test_row_07_a_file_that_was_replaced_is_refused_where_its_hash_is_known(house, server):
    script = [{"cut_at": 100 * KIB}, {"content": OTHER, "etag": '"v2"'}]
    url = server.serve("noise.safetensors", SMALL, script=script)

    error = house.refuses(url, HashMismatch, SMALL, match="is not the promised file")

    assert error.cause == "replaced"


def test_row_07_what_was_installed_before_the_file_was_replaced_stays(house, hub):
    hub.serve(AT_CIVITAI, SMALL)
    house.knows(SMALL, CIVITAI)
    house.installs("noise", SMALL)
    hub.change(AT_CIVITAI, OTHER, etag='"v2"')
    before = house.final_files()

    house.install("noise")

    assert house.final_files() == before


def test_row_07_a_file_that_changes_for_ever_is_given_up(house, server):
    url = server.serve(
        "noise.safetensors", SMALL, etag=lambda count: f'"v{count}"', drop_every=100 * KIB
    )

    house.refuses(url, (RemoteChanged, ConnectionLost))


def test_row_08_a_weak_etag_is_never_a_condition(house, server):
    url = server.serve("noise.safetensors", SMALL, etag='W/"v1"', drop_every=100 * KIB)

    house.installs(url, SMALL)

    seen = server.seen("noise.safetensors")
    assert len(seen) > 1
    assert not any("if-range" in each.headers for each in seen)


def test_row_08_a_weak_etag_without_a_hash_means_to_begin_anew(house, server):
    script = [{"cut_at": 200 * KIB}, {"content": OTHER}]
    url = server.serve("noise.safetensors", SMALL, etag='W/"v1"', script=script)

    house.installs(url, OTHER, knowing=False)


def test_row_09_nothing_to_rely_on_arrives_marked_unproven_and_is_never_continued(house, server):
    url = server.serve(
        "noise.safetensors",
        SMALL,
        etag=None,
        length_said="",
        ranges=False,
        script=[{"chunked": True, "cut_at": 200 * KIB}, {"content": OTHER}],
    )

    done = house.installs(url, OTHER, knowing=False)

    assert any("unproven" in note for note in done.notes)


def test_row_10_other_bytes_under_the_same_etag_are_fetched_past_all_caches(house, server):
    mixed = [{"cut_at": 100 * KIB}, {"content": OTHER}, {}]
    url = server.serve("noise.safetensors", SMALL, script=mixed)

    house.installs(url, SMALL)

    assert server.seen("noise.safetensors")[-1].headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("size", [300 * KIB, 18 * MIB])
def test_row_10_a_mixture_that_stays_is_kept_from_every_final_name(house, server, size):
    content, other = weights(size), weights(size, seed=2)
    half = [{"cut_at": size // 2}, {"content": other}]
    url = server.serve("noise.safetensors", content, script=half)

    house.refuses(url, HashMismatch, content)
