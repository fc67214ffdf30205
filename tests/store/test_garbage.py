from registry.store.garbage import removable


def test_only_what_is_there_and_what_nobody_needs_can_go():
    assert removable(referenced=["a", "lost"], present=iter(["c", "a", "b"])) == ("b", "c")


def test_nothing_can_go_from_an_empty_store():
    assert removable(referenced=["a"], present=[]) == ()
