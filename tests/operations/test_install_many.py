"""Several models at once: a list of orders, and failures that stay where they are."""

import pytest

from registry.errors import UnknownModel
from registry.operations.install_many import Order, plan_many, read_orders


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


def test_an_order_that_cannot_be_planned_does_not_stop_the_others():
    def plan(order):
        if order.reference == "nobody-knows-it":
            raise UnknownModel(order.reference)
        return f"plan of {order.reference}"

    planned = plan_many([Order("nobody-knows-it"), Order("known")], plan)

    assert isinstance(planned[0].error, UnknownModel)
    assert planned[0].plan is None
    assert (planned[1].plan, planned[1].error) == ("plan of known", None)
