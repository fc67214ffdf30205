import pytest

from registry.demo.hub_bytes import Damage, Span, span_wanted

WHOLE = Span(0, 100, is_part=False)


@pytest.mark.parametrize(
    ("wanted", "if_range", "span"),
    [
        (None, None, WHOLE),
        ("bytes=0-", None, Span(0, 100, is_part=True)),
        ("bytes=10-19", None, Span(10, 10, is_part=True)),
        ("bytes=90-500", None, Span(90, 10, is_part=True)),
        ("bytes=-10", None, Span(90, 10, is_part=True)),
        ("bytes=-500", None, Span(0, 100, is_part=True)),
        ("bytes=-0", None, None),
        ("bytes=100-", None, None),
        ("bytes=20-10", None, WHOLE),
        ("bytes=-", None, WHOLE),
        ("bytes=0-1,5-6", None, WHOLE),
        ("items=0-1", None, WHOLE),
        ("bytes=10-19", '"a"', Span(10, 10, is_part=True)),
        ("bytes=10-19", '"b"', WHOLE),
    ],
)
def test_a_range_means_these_bytes(wanted, if_range, span):
    assert span_wanted(wanted, if_range, etag='"a"', size_bytes=100) == span


def test_a_range_of_an_empty_file_cannot_be_had():
    assert span_wanted("bytes=0-", None, etag='"a"', size_bytes=0) is None


def test_damage_happens_where_its_byte_is_sent():
    damage = Damage(flip_at=15)

    assert not damage.hits(Span(0, 15, is_part=True))
    assert damage.hits(Span(15, 1, is_part=True))
    assert damage.apply(b"abc", 14) == (b"a\x9dc", False)


def test_a_cut_ends_the_answer_before_its_byte():
    assert Damage(cut_at=15).apply(b"abc", 14) == (b"a", True)
    assert Damage(cut_at=14).apply(b"abc", 14) == (b"", True)
