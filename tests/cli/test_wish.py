"""From flags to a wish; what no flag says is as the settings say."""

import pytest

from registry.api import Registry
from registry.cli.wish import wish_from
from registry.domain.variant import FileFormat, Precision
from registry.errors import InvalidArgument
from registry.resolve.preference import Preference
from registry.settings import Settings

NOTHING = dict.fromkeys(("prefer", "full", "format_name", "file", "version", "allow_pickle"))


@pytest.fixture
def registry(tmp_path):
    """Settings that wish for something."""
    settings = Settings(
        home=tmp_path,
        prefer=Precision.BF16,
        full=True,
        format=FileFormat.GGUF,
        allow_pickle=True,
    )
    return Registry(settings)


def test_without_flags_the_settings_are_the_wish(registry):
    assert wish_from(registry, **NOTHING) == Preference(
        precision=Precision.BF16, full=True, format=FileFormat.GGUF, allow_pickle=True
    )


def test_every_flag_comes_before_the_settings(registry):
    flags = {
        "prefer": " FP32",
        "full": False,
        "format_name": "Pickle",
        "file": "446",
        "version": "v1",
        "allow_pickle": False,
    }

    assert wish_from(registry, **flags) == Preference(
        precision=Precision.FP32,
        format=FileFormat.PICKLE,
        file="446",
        version="v1",
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"prefer": "fp33"}, "--prefer fp33 is not known"),
        ({"format_name": ""}, "--format  is not known"),
    ],
)
def test_a_word_that_is_none_is_refused_with_those_that_are(registry, flags, said):
    with pytest.raises(InvalidArgument) as caught:
        wish_from(registry, **{**NOTHING, **flags})

    assert str(caught.value) == said
    assert caught.value.hint.startswith("It may be ")
