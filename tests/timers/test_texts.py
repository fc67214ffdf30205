"""What timers are told, read back by those who read it."""

import plistlib
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.timers import texts

ODD = '/opt/it\'s 100% "odd" $HOME \\ `x`/sdreg'
MARK = "sdreg-audit-0123"


def as_cron_hands_it_on(line):
    """What cron gives to the shell: the first five words gone, and the backslash before a %."""
    command = line.split(" ", 5)[5]
    assert "%" not in command.replace("\\%", ""), "a bare % ends the command"
    return command.replace("\\%", "%")


def test_a_shell_reads_the_odd_path_of_a_crontab_line_as_it_is(tmp_path):
    words = tmp_path / "words"
    script = 'printf "%s|" "$HOME_OF" "$@" > "$WORDS"; echo nobody is mailed this'
    line = texts.crontab_line(
        ["/bin/sh", "-c", script, "sh", ODD, "a b"],
        {"HOME_OF": ODD, "WORDS": str(words)},
        mark=MARK,
    )

    said = subprocess.run(
        ["/bin/sh", "-c", as_cron_hands_it_on(line)], capture_output=True, text=True, check=True
    )

    assert words.read_text() == f"{ODD}|{ODD}|a b|"
    assert said.stdout == said.stderr == ""


@given(st.lists(st.text("ab #*%\t").map(lambda text: text + "\n")).map("".join))
def test_our_line_comes_once_and_goes_without_a_trace(theirs):
    line = texts.crontab_line(["sdreg"], {}, mark=MARK)

    once = texts.with_line(theirs, line, mark=MARK)

    assert texts.with_line(once, line, mark=MARK) == once
    assert once == theirs + line + "\n"
    assert texts.without_line(once, mark=MARK) == theirs


def test_the_line_of_another_home_stays():
    other = texts.crontab_line(["sdreg"], {}, mark="sdreg-audit-4567") + "\n"

    assert texts.without_line(other, mark=MARK) == other


@pytest.mark.parametrize("make", [texts.crontab_line, texts.systemd_service])
def test_a_line_break_is_refused(make):
    mark = {"mark": MARK} if make is texts.crontab_line else {}
    with pytest.raises(ValueError, match="line break"):
        make(["/a\n* * * * * evil"], {}, **mark)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    service, timer = tmp_path / "sdreg-audit.service", tmp_path / "sdreg-audit.timer"
    service.write_text(texts.systemd_service([ODD, "audit", "scheduled"], {"SDREG_HOME": ODD}))
    timer.write_text(texts.systemd_timer())

    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(service), str(timer)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "sdreg-audit" not in said.stderr, said.stderr
    assert said.returncode == 0, said.stderr


def test_launchd_reads_the_odd_path_as_it_is():
    read = plistlib.loads(texts.launchd_plist([ODD, "audit"], {"SDREG_HOME": ODD}, label="x.y"))

    assert read["ProgramArguments"] == [ODD, "audit"]
    assert read["EnvironmentVariables"] == {"SDREG_HOME": ODD}


def test_a_parser_reads_the_task_of_windows():
    root = ET.fromstring(
        texts.windows_task(["C:\\R & D\\sdreg.exe", "--home", "D:\\my x\\"]).encode("utf-16")
    )

    names = {element.tag.rpartition("}")[2]: element.text for element in root.iter()}
    assert names["Command"] == "C:\\R & D\\sdreg.exe"
    assert names["Arguments"] == '--home "D:\\my x\\\\"'
    assert names["StartWhenAvailable"] == "true"
