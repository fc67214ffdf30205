"""Several models at once: a list of orders, and failures that stay where they are."""

import pytest

from registry.errors import InvalidArgument, InvalidReference, UnknownModel
from registry.operations.install_many import Order, read_orders


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("", []),
        ("\n  \n# all of it is a remark\n", []),
        ("anything-v3", [Order("anything-v3")]),
        ("  civitai:66@75  \r\n", [Order("civitai:66@75")]),
        ("easynegative abcdef # mine", [Order("easynegative", "abcdef")]),
        ("https://a.example/x.bin#part", [Order("https://a.example/x.bin#part")]),
    ],
)
def test_a_list_names_one_model_a_line(text, orders):
    assert list(read_orders(text)) == orders


def test_an_order_that_cannot_be_planned_does_not_stop_the_others(registry):
    address = "https://models.example/ink.safetensors"
    orders = [
        Order("nobody-knows-it"),
        Order(address, "no hash"),
        Order("anything-v3"),
        Order(address, "ab" * 32),
        Order("https://user:secret@models.example/x.bin"),
    ]

    unknown, bad_hash, known, direct, password = registry.plan_many(orders)

    assert isinstance(unknown.error, UnknownModel)
    assert isinstance(bad_hash.error, InvalidArgument)
    assert isinstance(password.error, InvalidReference)
    assert known.plan.model.slug == "anything-v3"
    assert direct.plan.steps[0].candidate.file.hashes.sha256 == "ab" * 32
    assert [each.plan for each in (unknown, bad_hash, password)] == [None] * 3


def test_addresses_are_kept_in_the_catalog_together_as_they_are_one_by_one(registry):
    addresses = [f"https://models.example/{folder}/ink.safetensors" for folder in "abc"]

    together = [each.plan.model for each in registry.plan_many(map(Order, addresses))]
    alone = [registry.plan_install(address).model for address in addresses]

    assert together == alone
    assert len({model.id for model in together}) == 3
