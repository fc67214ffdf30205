#!/usr/bin/env python3
"""A file server that seems to be far away, for benchmarks: what a long line does, without one.

    python -m scripts.bench.far_server FOLDER --port 18802

Every connection is answered as over a round trip of 40 ms: one for its beginning, one for each
request, and then a window that begins at ten segments and doubles with every round trip (RFC 6928,
RFC 5681) until the connection has its 40 MB/s. All connections together get 400 MB/s.
"""

import argparse
import os
import socket
import threading
import time
from pathlib import Path

ROUND_TRIP_S = 0.04
FIRST_WINDOW = 10 * 1460
LINE_BYTES_PER_S, LINK_BYTES_PER_S = 40_000_000, 400_000_000


class Link:
    """The line that all connections share.

    Args:
        bytes_per_s: What it carries.
    """

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._lock = threading.Lock()
        self._free_at = 0.0

    def book(self, count: int) -> float:
        """When these bytes have left, in the time of `monotonic`."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + count / self._bytes_per_s
            return self._free_at


def serve(folder: Path, port: int) -> None:
    """Answer GET and HEAD for the files of a folder, whole and in ranges, until killed."""
    link = Link(LINK_BYTES_PER_S)
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    while True:
        line, _ = listener.accept()
        threading.Thread(target=_answer_all, args=(line, folder, link), daemon=True).start()


def _answer_all(line: socket.socket, folder: Path, link: Link) -> None:
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    window = float(FIRST_WINDOW)
    time.sleep(ROUND_TRIP_S)  # SYN and its answer
    with line, line.makefile("rb") as requests:
        try:
            while request := requests.readline():
                wanted = None
                while (header := requests.readline().strip()) != b"":
                    name, _, value = header.partition(b":")
                    if name.lower() == b"range":
                        wanted = value.strip().removeprefix(b"bytes=").split(b"-")
                path = folder / request.split()[1].decode().lstrip("/")
                size = path.stat().st_size
                begin, end = 0, size
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n"
                if wanted is not None:
                    begin, end = int(wanted[0]), int(wanted[1] or size - 1) + 1
                    head = (
                        f"HTTP/1.1 206 Partial Content\r\nContent-Length: {end - begin}\r\n"
                        f"Content-Range: bytes {begin}-{end - 1}/{size}\r\n"
                    )
                time.sleep(ROUND_TRIP_S)
                line.sendall(f'{head}Accept-Ranges: bytes\r\nETag: "one"\r\n\r\n'.encode())
                if request.startswith(b"GET"):
                    with path.open("rb") as file:
                        window = _send(line, file.fileno(), (begin, end), link, window)
        except OSError:
            return  # whoever asked has gone


def _send(
    line: socket.socket, file: int, span: tuple[int, int], link: Link, window: float
) -> float:
    """Send a window for every round trip; the window that the connection has at the end."""
    begin, end = span
    widest = LINE_BYTES_PER_S * ROUND_TRIP_S
    due = time.monotonic()
    while begin < end:
        part = min(int(window), end - begin)
        stop = begin + part
        while begin < stop:
            begin += os.sendfile(line.fileno(), file, begin, stop - begin)
        due = max(due + ROUND_TRIP_S * part / window, link.book(part))
        time.sleep(max(0.0, due - time.monotonic()))
        window = min(widest, window * 2)
    return window


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=18802)
    chosen = parser.parse_args()
    serve(chosen.folder, chosen.port)
