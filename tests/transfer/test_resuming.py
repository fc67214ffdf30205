"""What one run leaves, the next one continues: across processes, sources, kills and lies."""

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from blake3 import blake3

from registry.domain.hashes import Hashes
from registry.domain.progress import Progress
from registry.errors import ConnectionLost, InUse
from registry.transfer.download import Expectation
from registry.transfer.journal import Journal
from registry.transfer.partial import Part, read_journal
from tests.servers.model_server import Trouble
from tests.transfer.bench import download, some_bytes

MIB = 1024 * 1024
LARGE = some_bytes(24 * MIB)
PIECE = 4 * MIB


def leave_a_part(server, bench, *, known=True, cut_at=14 * MIB, **manners):
    """Fetch the first pieces of LARGE, then lose the server."""
    url = server.serve("model", LARGE, cut_at=cut_at, troubles=(Trouble(500, after=1),), **manners)
    with pytest.raises(ConnectionLost):
        bench.fetch(url, content=LARGE if known else None, attempts_without_progress=2)
    server.change("model", troubles=(), cut_at=None)
    server.requests.clear()
    return url, server.sent_bytes("model")


def test_a_second_run_fetches_only_what_is_missing(server, bench):
    url, sent = leave_a_part(server, bench)

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 3 * PIECE
    assert server.sent_bytes("model") - sent == len(LARGE) - 3 * PIECE
    assert server.requests[0].headers["if-range"] == '"v1"'
    assert bench.heard.begun[-1] == ("model.safetensors", len(LARGE), 3 * PIECE)


def test_an_unknown_file_is_continued_by_its_strong_etag(server, bench):
    url, _ = leave_a_part(server, bench, known=False)

    fetched = bench.fetch(url)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 3 * PIECE


def test_another_source_continues_what_one_began_when_the_hash_is_known(
    server, other_server, bench
):
    leave_a_part(server, bench)
    other = other_server.serve("mirror", LARGE, etag='"another"')

    fetched = bench.fetch(other, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert other_server.sent_bytes("mirror") == len(LARGE) - 3 * PIECE
    assert "if-range" not in other_server.requests[0].headers


def test_another_source_begins_anew_when_nothing_proves_the_file(server, other_server, bench):
    leave_a_part(server, bench, known=False)
    other = other_server.serve("mirror", LARGE)

    fetched = bench.fetch(other)

    assert fetched.fetched_bytes == len(LARGE)


def test_a_file_that_changed_meanwhile_begins_anew_in_place(server, bench):
    url, _ = leave_a_part(server, bench, known=False)
    new = some_bytes(20 * MIB, seed=5)
    server.change("model", new, etag='"v2"')

    fetched = bench.fetch(url)

    assert fetched.path.read_bytes() == new
    assert len(server.requests) == 1, "the answer with the new file was used as it came"


def test_a_file_of_another_length_begins_anew(server, bench):
    url, _ = leave_a_part(server, bench)
    new = some_bytes(20 * MIB, seed=5)
    server.change("model", new)

    assert bench.fetch(url, content=new).path.read_bytes() == new


def test_a_range_behind_the_end_means_another_file(server, bench):
    url, _ = leave_a_part(server, bench, known=False)
    server.change("model", LARGE[: 5 * MIB])

    assert bench.fetch(url).path.read_bytes() == LARGE[: 5 * MIB]


def test_a_finished_part_needs_no_request(server, bench):
    url = server.serve("model", LARGE)
    bench.fetch(url, content=LARGE)
    server.requests.clear()

    fetched = bench.fetch(url, content=LARGE)

    assert server.requests == []
    assert fetched.fetched_bytes == 0
    assert fetched.hashes.sha256 == hashlib.sha256(LARGE).hexdigest()


def test_row_65_a_damaged_piece_of_a_part_is_fetched_again(server, bench):
    url, _ = leave_a_part(server, bench)
    with (bench.folder / "part.part").open("r+b") as part:
        part.seek(PIECE + 17)
        part.write(b"damage")

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - 2 * PIECE


@pytest.mark.parametrize("length", [0, 5 * MIB, 25 * MIB])
def test_row_65_a_part_of_another_length_is_not_trusted(server, bench, length):
    url, _ = leave_a_part(server, bench)
    os.truncate(bench.folder / "part.part", length)

    assert bench.fetch(url, content=LARGE).path.read_bytes() == LARGE


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 1}', "\0" * 4096, "\udcff", "9" * 5000]
)
def test_row_64_a_torn_journal_is_no_journal(server, bench, text):
    url, _ = leave_a_part(server, bench)
    journal = bench.folder / "part.journal"
    journal.write_bytes(text.encode("utf-8", "surrogateescape"))

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE)


def test_row_64_a_journal_that_is_newer_than_its_bytes_is_found_out(server, bench):
    url, _ = leave_a_part(server, bench)
    claims = {n: blake3(LARGE[n * PIECE : (n + 1) * PIECE]).hexdigest() for n in range(6)}
    journal = read_journal(bench.folder / "part.journal")
    text = Journal(journal.source, "model", len(LARGE), '"v1"', claims).to_text()
    (bench.folder / "part.journal").write_text(text)
    with (bench.folder / "part.part").open("r+b") as part:
        part.seek(3 * PIECE)
        part.write(bytes(len(LARGE) - 3 * PIECE))

    assert bench.fetch(url, content=LARGE).path.read_bytes() == LARGE


def test_a_journal_holds_no_secret(server, bench):
    url = server.serve("model", LARGE, cut_at=14 * MIB, troubles=(Trouble(500, after=1),))
    secretive = url.replace("://", "://me:ours@") + "?token=in-the-url&X-Amz-Signature=cafe"

    with pytest.raises(ConnectionLost) as caught:
        bench.fetch(secretive, token="in-the-header", attempts_without_progress=2)

    told = (bench.folder / "part.journal").read_text() + str(caught.value) + repr(bench.heard.lines)
    assert not re.search("in-the|ours|cafe", told)


def test_unfinished_downloads_are_listed_and_can_be_dropped(server, bench):
    leave_a_part(server, bench)
    downloader = bench.downloader()

    (one,) = downloader.unfinished()
    assert (one.key, one.size_bytes, one.done_bytes) == ("part", len(LARGE), 3 * PIECE)
    assert one.file_name == "model.safetensors"

    downloader.discard("part")
    assert downloader.unfinished() == ()
    assert not (bench.folder / "part.part").exists()


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".hidden", "a b", "x" * 200])
def test_a_key_that_could_be_a_path_is_a_mistake(bench, key):
    with pytest.raises(ValueError, match="cannot name a part"):
        bench.downloader().discard(key)


CHILD = """
import sys
from pathlib import Path
from tests.transfer.bench import Bench, Heard
class Loud(Heard):
    def say(self, message):
        print(message, flush=True)
bench = Bench(Path(sys.argv[2]))
bench.heard = Loud()
from registry.domain.hashes import Hashes
print("begins", flush=True)
fetched = bench.fetch(sys.argv[1], hashes=Hashes.of("sha256:" + sys.argv[3]), durable=True)
print("done", fetched.fetched_bytes, flush=True)
"""


def child(url, folder):
    digest = hashlib.sha256(LARGE).hexdigest()
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(folder), digest],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until(true, seconds=20.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_row_71_a_killed_download_is_continued_by_the_next_process(server, bench):
    url = server.serve("model", LARGE, rate=12 * MIB)
    with child(url, bench.folder) as process:
        journal = bench.folder / "part.journal"
        wait_until(lambda: (got := read_journal(journal)) and len(got.pieces) >= 2)
        process.send_signal(signal.SIGKILL)
    done = len(read_journal(journal).pieces) * PIECE
    server.change("model", rate=None)

    fetched = bench.fetch(url, content=LARGE)

    assert fetched.path.read_bytes() == LARGE
    assert fetched.fetched_bytes == len(LARGE) - done
    assert server.sent_bytes("model") < len(LARGE) + 3 * PIECE


def test_row_69_a_second_process_waits_and_takes_over_when_the_first_is_killed(server, bench):
    url = server.serve("model", LARGE, rate=8 * MIB)
    with child(url, bench.folder) as first:
        journal = bench.folder / "part.journal"
        wait_until(lambda: (got := read_journal(journal)) and got.pieces)
        with child(url, bench.folder) as second:
            lines = iter(second.stdout.readline, "")
            assert next(lines) == "begins\n"
            assert next(lines) == "another sdreg is fetching this file; waiting for it\n"
            first.send_signal(signal.SIGKILL)
            server.change("model", rate=None)
            word, count = next(lines).split()
    assert word == "done"
    assert int(count) < len(LARGE)


def test_a_second_process_finds_the_finished_part(server, bench):
    url = server.serve("model", LARGE, rate=30 * MIB)
    with child(url, bench.folder) as first, child(url, bench.folder) as second:
        told = [first.stdout.read(), second.stdout.read()]

    counts = sorted(int(re.search(r"done (\d+)", text)[1]) for text in told)
    assert counts == [0, len(LARGE)]


def test_a_wait_for_another_process_has_an_end(bench):
    downloader = bench.downloader(lock_wait_s=0.0)
    held, release = threading.Event(), threading.Event()

    def hold():
        with bench.downloader().claim("part", Progress()):
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        with pytest.raises(InUse):
            downloader.discard("part")
    finally:
        release.set()
        holder.join()


def test_row_78_ctrl_c_keeps_what_is_there(server, bench):
    url = server.serve("model", LARGE, rate=12 * MIB)

    class Impatient(Progress):
        got = 0
        pressed = False
        lock = threading.Lock()  # several connections report at once

        def advance(self, bytes_count):
            with self.lock:
                self.got += bytes_count
                press, self.pressed = self.got > 9 * MIB and not self.pressed, self.got > 9 * MIB
            if press:
                os.kill(os.getpid(), signal.SIGINT)

    progress = Impatient()
    with pytest.raises(KeyboardInterrupt):
        bench.downloader(checkpoint_every_s=60.0, durable=True).fetch(
            download(url),
            Expectation(len(LARGE), Hashes.of(f"sha256:{hashlib.sha256(LARGE).hexdigest()}")),
            key="part",
            relocate=None,
            progress=progress,
        )

    assert progress.got < len(LARGE)
    assert read_journal(bench.folder / "part.journal").pieces


def test_a_part_that_was_taken_away_is_fetched_again(server, bench):
    url = server.serve("model", LARGE)
    bench.fetch(url, content=LARGE).path.unlink()

    assert bench.fetch(url, content=LARGE).path.read_bytes() == LARGE


def test_nothing_is_left_when_the_part_was_taken_away(server, bench):
    url = server.serve("model", LARGE)
    downloader = bench.downloader()

    with downloader.claim("part", bench.heard):
        bench.fetch(url, content=LARGE, key="other")
        taken = downloader.fetch(
            download(url),
            Expectation(len(LARGE)),
            key="part",
            relocate=None,
            progress=bench.heard,
        )
        taken.path.rename(bench.folder / "taken")

    names = sorted(path.name for path in bench.folder.iterdir())
    assert names == ["other.journal", "other.lock", "other.part", "taken"]


def test_many_threads_that_want_one_file_fetch_it_once(server, bench):
    url = server.serve("model", LARGE)
    counts = []

    def want():
        counts.append(bench.fetch(url, content=LARGE).fetched_bytes)

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(counts) == [0, 0, 0, len(LARGE)]


def test_a_journal_of_another_time_is_left_alone(tmp_path):
    with contextlib.closing(Part(tmp_path, "part", durable=True)) as part:
        part.save(Journal("civitai:66", "m", 10))
        text = (tmp_path / "part.journal").read_text().replace('"version": 1', '"version": 9')
        (tmp_path / "part.journal").write_text(text)

        assert part.journal() is None
