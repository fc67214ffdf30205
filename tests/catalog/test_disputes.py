"""What was promised and what came instead: recorded once, seen again, accepted by the user."""

from dataclasses import replace
from pathlib import Path

from registry.catalog import schema
from registry.domain.dispute import Dispute
from registry.domain.hashes import Hash
from tests.catalog.conftest import NOON
from tests.catalog.documents import digits
from tests.catalog.test_installs import LATER, installed

PROMISED = Hash.parse(f"sha256:{digits('promised')}")
SEEN = Hash.parse(f"sha256:{digits('seen')}")
DISPUTE = Dispute(
    file_name="toy.safetensors",
    promised=PROMISED,
    seen=SEEN,
    size_bytes=1000,
    sources=("civitai:66@75+446", "hf:a/toy:toy.safetensors"),
    seen_at=NOON,
    cause="wrong-hash",
    kept_at=Path("/store/quarantine/toy.part"),
)


def test_a_dispute_is_found_by_its_promise(empty):
    empty.disputes.record(DISPUTE)

    assert empty.disputes.about(PROMISED) == (DISPUTE,)
    assert empty.disputes.about(SEEN) == ()
    assert empty.disputes.accepted(SEEN.digits) == ()


def test_what_is_seen_again_stays_one_dispute_with_the_sources_of_both_times(empty):
    empty.disputes.record(DISPUTE)
    again = replace(
        DISPUTE,
        sources=("https://a.example/toy", DISPUTE.sources[0]),
        seen_at=LATER,
        kept_at=None,
    )

    empty.disputes.record(again)

    sources = (*DISPUTE.sources, "https://a.example/toy")
    united = replace(DISPUTE, sources=sources, seen_at=LATER)
    assert empty.disputes.about(PROMISED) == (united,)


def test_an_acceptance_is_dated_and_outlives_a_later_sighting(empty):
    empty.disputes.accept(DISPUTE)
    empty.disputes.record(replace(DISPUTE, seen_at=LATER))

    (found,) = empty.disputes.accepted(SEEN.digits)
    assert (found.accepted_at, found.seen_at) == (NOON, LATER)


def test_a_catalog_from_before_disputes_keeps_what_was_installed(empty, opened):
    done = installed(empty)
    with empty.database.exclusive():
        schema.run(empty.database, "downgrade", "0001")
    empty.close()

    catalog = opened()

    assert catalog.installs.all() == (done,)
    catalog.disputes.record(DISPUTE)
    assert catalog.disputes.about(PROMISED) == (DISPUTE,)
