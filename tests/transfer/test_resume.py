"""The table of answers, read aloud."""

import pytest

from registry.transfer.resume import (
    Changed,
    Complete,
    Continue,
    Faulty,
    FromStart,
    Head,
    Refused,
    Standing,
    decide,
    read_head,
)

HAVE = Standing(at_byte=40, size_bytes=100, validator='"v1"')
PROVABLE = Standing(at_byte=40, size_bytes=100, provable=True)
NOTHING = Standing()


def part(begin=40, end=100, total=100, validator='"v1"', **more):
    return Head(206, None, begin, end, total, validator, **more)


@pytest.mark.parametrize(
    ("standing", "head", "kind"),
    [
        (NOTHING, part(0), Continue),
        (NOTHING, Head(200, 100, total_bytes=100), Continue),
        (HAVE, part(), Continue),
        (PROVABLE, part(validator=None), Continue),
        (PROVABLE, part(validator='"of another source"'), Continue),
        (HAVE, part(total=None), Continue),
        (HAVE, part(end=60), Continue),
        (HAVE, part(validator='"v2"'), Changed),
        (HAVE, part(total=101), Changed),
        (PROVABLE, part(total=101), Changed),
        (HAVE, part(validator=None), Changed),
        (HAVE, part(begin=0), Faulty),
        (HAVE, part(begin=41), Faulty),
        (HAVE, Head(206), Faulty),
        (NOTHING, part(0, total=None), Faulty),
        (HAVE, part(end=101), Faulty),
        (HAVE, Head(206, 59, 40, 100, 100, '"v1"'), Faulty),
        (HAVE, part(content_type="multipart/byteranges"), Faulty),
        (HAVE, part(encoding="gzip"), Faulty),
        (HAVE, Head(200, 100, total_bytes=100, validator='"v1"'), FromStart),
        (HAVE, Head(200, 90, total_bytes=90, validator='"v2"'), FromStart),
        (Standing(100, 100), Head(416, total_bytes=100), Complete),
        (HAVE, Head(416, total_bytes=100), Faulty),
        (HAVE, Head(416, total_bytes=30), Changed),
        (HAVE, Head(416), Changed),
        (HAVE, Head(403), Refused),
        (NOTHING, Head(204), Refused),
    ],
)
def test_an_answer_is_judged(standing, head, kind):
    assert isinstance(decide(standing, head), kind)


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"v1"'}, '"v1"'),
        ({"etag": 'W/"v1"'}, None),
        ({"etag": "v1"}, None),
        ({"etag": '""'}, None),
        ({}, None),
        (
            {
                "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT",
                "date": "Mon, 01 Jan 2024 00:00:09 GMT",
            },
            "Mon, 01 Jan 2024 00:00:00 GMT",
        ),
        (
            {
                "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT",
                "date": "Mon, 01 Jan 2024 00:00:00 GMT",
            },
            None,
        ),
        ({"last-modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, None),
        ({"last-modified": "yesterday", "date": "Mon, 01 Jan 2024 00:00:00 GMT"}, None),
        (
            {
                "etag": 'W/"v1"',
                "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT",
                "date": "Tue, 02 Jan 2024 00:00:00 GMT",
            },
            None,
        ),
    ],
)
def test_only_strong_validators_are_relied_on(headers, validator):
    assert read_head(206, headers).validator == validator


@pytest.mark.parametrize(
    ("text", "begin", "end", "total"),
    [
        ("bytes 0-9/100", 0, 10, 100),
        ("bytes 5-5/6", 5, 6, 6),
        ("bytes 0-9/*", 0, 10, None),
        ("bytes */100", None, None, 100),
        ("bytes 9-0/100", None, None, 100),
        ("items 0-9/100", None, None, None),
        ("bytes 0-9", None, None, None),
        ("bytes -1-9/100", None, None, None),
        ("bytes " + "9" * 400 + "-1/2", None, None, None),
    ],
)
def test_a_content_range_is_read_strictly(text, begin, end, total):
    head = read_head(206, {"content-range": text})

    assert (head.begin, head.end, head.total_bytes) == (begin, end, total)


@pytest.mark.parametrize("text", ["-1", "1e3", "", "12, 13", "٣", "9" * 20])
def test_a_length_that_is_no_number_is_not_known(text):
    assert read_head(200, {"content-length": text}).content_length is None


def test_the_length_of_an_encoded_body_is_not_that_of_the_file():
    head = read_head(200, {"content-length": "10", "content-encoding": "gzip"})

    assert head.is_encoded
    assert head.total_bytes is None
