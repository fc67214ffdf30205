"""Adopt the same files as others do at the same moment. Run as a process.

    python -m tests.store.racing HOME NAME

Waits for its standard input to end, so that all begin together.
"""

import sys
from pathlib import Path

from registry.domain.install import LinkMethod
from registry.store import links
from registry.store.blobs import Store
from tests.store.bytes_on_disk import make_fetched

FILES = 40


def content(number):
    return bytes([number]) * 5000


def main(home, name):
    store = Store(home, durable=False)
    fetched = [
        make_fetched(home / "partial" / f"{name}-{number}", content(number))
        for number in range(FILES)
    ]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()
    for number, file in enumerate(fetched):
        blob = store.adopt(file, facts={"by": name})
        for method in (LinkMethod.HARDLINK, LinkMethod.COPY):
            place = home / "ui" / method / f"{number}.safetensors"
            links.link(blob, place, layout="ui", methods=(method,), durable=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
