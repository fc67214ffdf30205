"""Row 78: asked to stop, in every way in which a system asks."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.transfer.partial import read_journal
from tests.faults.machine import MIB, ROOT, noise, sha256_of, wait_until

pty = pytest.importorskip("pty")
BIG = noise(24 * MIB)


class Terminal:
    """A terminal in which `sdreg` runs."""

    def __init__(self, machine, *words):
        self.screen = b""
        self._controller, inner = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-m", "registry", *words],
            env={**machine.environment, "TERM": "xterm"},
            stdin=inner,
            stdout=inner,
            stderr=inner,
        )
        os.close(inner)

    def type(self, keys):
        os.write(self._controller, keys)

    def read_to_the_end(self):
        with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
            while more := os.read(self._controller, 65536):
                self.screen += more
        return self.process.wait(timeout=30)

    def close(self):
        """Close the window; the kernel sends SIGHUP."""
        os.close(self._controller)


at_a_terminal = pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not here")


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "hung up"),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_row_78_a_signal_flushes_the_journal_and_tells_the_command_that_goes_on(
    machine, number, code, word
):
    words = machine.wanting(BIG, rate=12 * MIB)
    process = machine.start(*words)
    machine.wait_for_pieces(process)

    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert process.returncode == code
    assert err.endswith(
        f"sdreg: {word}\nhint: Run `sdreg {shlex.join(words)}` again: it goes on where it was.\n"
    )
    assert "Traceback" not in err
    machine.look(BIG, finished=False)
    (shown,) = machine("downloads")["downloads"]
    assert 0 < shown["done_bytes"] < len(BIG)
    machine.server.change("noise.safetensors", rate=None)
    before = machine.server.sent_bytes("noise.safetensors")
    assert machine(*words)["files"][0]["proven"]
    sent = machine.server.sent_bytes("noise.safetensors") - before
    assert sent <= len(BIG) - shown["done_bytes"]
    machine.look(BIG, finished=True)


JOURNAL_IN_AN_HOUR = """
import os, signal, sys
from pathlib import Path
from tests.transfer.bench import Bench, Heard
class Impatient(Heard):
    def advance(self, bytes_count):
        super().advance(bytes_count)
        if self.advanced > 9 * 2**20 and not self.ended:
            self.ended = 1
            os.kill(os.getpid(), signal.SIGINT)
bench = Bench(Path(sys.argv[2]))
bench.heard = Impatient()
content = Path(sys.argv[3]).read_bytes()
bench.fetch(sys.argv[1], content=content, durable=True, checkpoint_every_s=3600)
"""


def test_row_78_ctrl_c_writes_a_journal_that_was_not_due(machine, tmp_path):
    _, url, *_ = machine.wanting(BIG, rate=12 * MIB)
    (tmp_path / "big").write_bytes(BIG)

    ended = subprocess.run(
        [sys.executable, "-c", JOURNAL_IN_AN_HOUR, url, tmp_path / "parts", tmp_path / "big"],
        env=machine.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "KeyboardInterrupt" in ended.stderr
    (journal,) = (tmp_path / "parts").glob("*.journal")
    assert read_journal(journal).pieces


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_row_78_a_signal_that_comes_twice_for_one_wish_is_one(machine, number):
    process = machine.start(*machine.wanting(BIG, rate=12 * MIB))
    machine.wait_for_pieces(process)

    process.send_signal(number)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 128 + number
    assert "it goes on where it was" in err
    assert machine.pieces_done() > 0


@at_a_terminal
def test_row_78_ctrl_c_at_a_terminal_stops_and_says_how_to_go_on(machine):
    words = machine.wanting(BIG, rate=12 * MIB)
    terminal = Terminal(machine, *words, "--yes")
    machine.wait_for_pieces(terminal.process)

    terminal.type(b"\x03")
    code = terminal.read_to_the_end()

    assert code == 130
    told = terminal.screen.decode().replace("\r\n", "\n")
    assert told.endswith(f"Run `sdreg {shlex.join(words)} --yes` again: it goes on where it was.\n")
    assert machine.pieces_done() > 0


def test_row_78_a_second_ctrl_c_leaves_at_once(machine):
    # Every sync of the main thread takes four seconds, but for the four of its plan. The first
    # Ctrl-C wants five: three for the journal, two to close the catalog; nothing breaks those off.
    words = machine.wanting(BIG, rate=12 * MIB)
    slow = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync")
    if not traces(slow):
        pytest.skip("strace is not here or may not trace")
    begun = machine.run("list", "--limit", "1")
    process = machine.start(
        *words, before=(*slow, "-e", "inject=fsync,fdatasync:delay_enter=4000000:when=5+")
    )
    wait_until(
        lambda: machine.server.sent_bytes("noise.safetensors") > 5 * MIB, process, seconds=90
    )
    child = only_child_of(process.pid)

    os.kill(child, signal.SIGINT)
    wait_until(lambda: in_a_sync(child), process, seconds=20)
    os.kill(child, signal.SIGINT)
    process.communicate(timeout=14)

    assert begun.code == 0
    assert process.returncode == 130
    machine.look(BIG, finished=False)
    machine.server.change("noise.safetensors", rate=None)
    assert machine.run(*words).code == 0


@at_a_terminal
def test_row_78_a_terminal_that_is_closed_loses_nothing(machine):
    words = machine.wanting(BIG, rate=12 * MIB)
    terminal = Terminal(machine, *words, "--yes")
    machine.wait_for_pieces(terminal.process)

    terminal.close()

    assert terminal.process.wait(timeout=30) == 129
    assert machine.pieces_done() > 0
    machine.look(BIG, finished=False)
    machine.server.change("noise.safetensors", rate=None)
    assert machine.run(*words).code == 0
    machine.look(BIG, finished=True)


def test_row_78_who_ignores_hang_ups_goes_on(machine):
    words = machine.wanting(BIG, rate=24 * MIB)
    process = machine.start(*words, before=("nohup",))
    machine.wait_for_pieces(process)

    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)

    assert process.returncode == 0
    machine.look(BIG, finished=True)


def test_row_78_a_machine_that_slept_goes_on(machine):
    words = machine.wanting(BIG, rate=12 * MIB)
    process = machine.start(*words)
    machine.wait_for_pieces(process)

    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: state_of(process.pid) == "T")
    machine.server.change("noise.safetensors", rate=None, cut_at=20 * MIB, cuts=4)
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, out + err
    machine.look(BIG, finished=True)


def test_row_78_what_is_unfinished_is_shown_and_can_be_dropped(machine):
    process = machine.start(*machine.wanting(BIG, rate=12 * MIB))
    machine.wait_for_pieces(process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    (shown,) = machine("downloads")["downloads"]
    said = machine.run("downloads").out
    dropped = machine.run("downloads", "clear").out

    assert shown["key"] == sha256_of(BIG)
    assert 0 < shown["done_bytes"] < shown["size_bytes"] == len(BIG)
    assert "noise.safetensors" in said
    assert dropped == f"dropped {said}"
    assert machine.unfinished() == []
    assert machine("downloads")["downloads"] == []


def traces(command):
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def only_child_of(pid):
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def in_a_sync(pid):
    """Whether the main thread waits in fsync or fdatasync, or is about to."""
    number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return number in {"74", "75", "82", "83"}
