"""What the tests themselves stand on."""

import os
import socket
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import factories


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
def test_the_network_is_closed(address):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as line, pytest.raises(RuntimeError, match="a test connected to"):
        line.connect(address)


@pytest.mark.parametrize("name", ["civitai.com", b"huggingface.co"])
def test_no_name_is_looked_up(name):
    with pytest.raises(RuntimeError, match="a test looked up"):
        socket.getaddrinfo(name, 443)


def test_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_nothing_of_the_developer_shows_through():
    names = set(os.environ)  # noqa: TID251 -- the environment is what this test is about
    assert not {"SDREG_HOME", "HF_TOKEN", "HF_HOME", "CIVITAI_TOKEN", "https_proxy"} & names
    assert os.environ["NO_COLOR"] == "1"  # noqa: TID251 -- as above


def test_a_home_is_empty_and_known_to_children(home):
    assert list(home.iterdir()) == []
    assert os.environ["SDREG_HOME"] == str(home)  # noqa: TID251 -- as above


def test_the_clock_stands_still_until_it_is_moved(clock):
    noon = clock()
    assert clock() == noon
    clock.advance(90)
    assert clock() - noon == timedelta(seconds=90)
    assert clock.now.tzinfo is not None


@given(st.text())
def test_hypothesis_works_beside_the_fixtures_that_every_test_has(text):
    assert text is not None


@pytest.mark.parametrize(
    "make",
    [make for name, make in vars(factories).items() if name.startswith("make_")],
    ids=lambda make: make.__name__,
)
def test_a_factory_makes_the_same_value_every_time(make):
    assert make() == make()
