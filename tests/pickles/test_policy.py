"""The list of what is allowed, and the page that tells users what is not."""

import re
from pathlib import Path

import pytest

from registry.pickles.policy import (
    ALLOWED,
    CALLED,
    DTYPES,
    ELEMENT_BYTES,
    NOT_REPRESENTABLE,
    SHELLS,
    STORAGES,
    Code,
    Findings,
    Reason,
    Verdict,
    full_name,
)

PAGE = (Path(__file__).parents[2] / "docs" / "pickles.md").read_text("utf-8")


@pytest.mark.parametrize("code", Code)
def test_every_code_stands_on_the_page_and_has_a_sentence(code):
    assert f"`{code}`" in PAGE
    assert Reason(7, code, "a name").sentence.endswith(" (byte 7)")


def test_the_page_names_no_code_that_is_none():
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", PAGE, re.MULTILINE)

    assert set(re.findall(r"`([a-z-]+)`", " ".join(rows))) <= set(Code)


def test_nothing_on_the_list_reaches_into_the_system():
    roots = {name.partition(".")[0] for name in ALLOWED}

    assert roots == {
        *("_codecs", "argparse", "builtins", "collections", "copyreg", "datetime", "lightning"),
        *("lightning_fabric", "numpy", "omegaconf", "pathlib", "pytorch_lightning", "torch"),
        *("types", "typing"),
    }
    assert not ALLOWED & set(NOT_REPRESENTABLE)
    assert not {"builtins.getattr", "builtins.eval", "torch.load", "builtins.type"} & ALLOWED


def test_every_storage_and_dtype_has_elements_of_a_known_size():
    assert {*STORAGES.values(), *DTYPES.values()} == set(ELEMENT_BYTES)


@pytest.mark.parametrize("name", sorted(n for n in CALLED | SHELLS if n.startswith("torch")))
def test_what_is_allowed_of_torch_is_there(name):
    pytest.importorskip("torch", reason="torch is the oracle here: pip install '.[test]'")
    module, _, what = name.rpartition(".")

    assert hasattr(__import__(module, fromlist=[what]), what)


def test_a_verdict_is_refused_as_soon_as_one_reason_is():
    broken, forbidden = Reason(None, Code.DAMAGED, "x"), Reason(1, Code.FORBIDDEN_NAME, "os.system")

    assert Verdict().word == "clean"
    assert Verdict((broken,)).word == "unreadable"
    assert Verdict((broken, forbidden)).word == "refused"


def test_findings_come_to_an_end():
    findings = Findings()
    for number in range(1000):
        findings.add(Code.FORBIDDEN_NAME, f"os.system{number}", number)
        findings.add(Code.FORBIDDEN_NAME, "os.system0", number)

    assert [reason.name for reason in findings.reasons] == [f"os.system{n}" for n in range(20)]


def test_old_modules_go_by_their_names_of_today():
    assert full_name("copy_reg", "_reconstructor") == "copyreg._reconstructor"
    assert full_name("os", "system") == "os.system"
