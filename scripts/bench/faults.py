"""What each fault does to each tool: right bytes, an error, or wrong bytes in silence.

    python -m scripts.bench.faults            # the table, as it stands in docs/benchmarks.md
    python -m scripts.bench.faults wget sdreg # these tools only

Every tool is a process as a user would start it, started again once if it fails; every pair of
tool and fault has servers of its own on loopback. A tool that is not installed is named and left
out. sdreg knows the hash of the file, as its catalog does; the others are given none.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.faults.household import AT_CIVITAI, CIVITAI, weights
from tests.servers.model_server import ModelServer, Trouble

KIB, MIB = 1024, 1024 * 1024
CONTENT, OTHER = weights(4 * MIB), weights(4 * MIB, seed=2)
TOKEN = "the-token-of-the-user"  # noqa: S105 -- nobody's
LONGEST_S = 60
PAGE = b"<!DOCTYPE html><title>Sign in</title>" + b"x" * 5000
POINTER = (
    f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    f"\nsize {len(CONTENT)}\n"
).encode()
CUT = {"cut_at": MIB}


@dataclass(frozen=True, eq=False)
class Fault:
    """One fault.

    Attributes:
        row: Of docs/faults.md.
        script: The manners of the first request, of the second …
        manners: What holds for all of them.
        new: The publisher replaced the file: the whole new one is right, too.
        elsewhere: The file lies at another host, to which a redirect leads.
    """

    row: int
    name: str
    script: tuple[dict[str, Any], ...] = ()
    manners: dict[str, Any] = field(default_factory=dict)
    new: bool = False
    elsewhere: bool = False


FAULTS = (
    Fault(1, "range ignored when going on", (CUT, {"ranges": False})),
    Fault(2, "range begins elsewhere, and says so", (CUT, {"begin_shift": 7, "body_shift": 7})),
    Fault(3, "another total when going on", (CUT, {"content": OTHER[: 3 * MIB]})),
    Fault(4, "shifted bytes under right headers", (CUT, {"body_shift": 3}, {})),
    Fault(5, "more bytes than asked for", (CUT, {"more": b"x" * 5000})),
    Fault(6, "multipart for one range", (CUT, {"multipart": True})),
    Fault(
        7, "replaced midway, new strong ETag", (CUT, {"content": OTHER, "etag": '"v2"'}), new=True
    ),
    Fault(
        8, "replaced midway, weak ETags", (CUT, {"content": OTHER}), {"etag": 'W/"v1"'}, new=True
    ),
    Fault(9, "replaced midway, no ETag", (CUT, {"content": OTHER}), {"etag": None}, new=True),
    Fault(10, "replaced midway, same ETag", (CUT, {"content": OTHER}, {})),
    Fault(11, "cut once", (CUT, {})),
    Fault(12, "dropped every 256 KiB", (), {"drop_every": 256 * KIB}),
    Fault(13, "Content-Length too short", (), {"length_said": MIB, "ranges": False}),
    Fault(16, "chunked and cut", (), {"chunked": True, "ranges": False, "cut_at": MIB, "cuts": 1}),
    Fault(
        17, "no length, closed early", (), {"length_said": "", "ranges": False} | CUT | {"cuts": 1}
    ),
    Fault(18, "stalls once", (), {"stall_at": MIB, "stalls": 1}),
    Fault(20, "reset once", (), CUT | {"cuts": 1, "reset": True}),
    Fault(24, "503 with a page, once", (), {"troubles": (Trouble(503, PAGE, times=1),)}),
    Fault(24, "503 with a page when going on", (CUT, {"troubles": (Trouble(503, PAGE),)}, {})),
    Fault(26, "403 when going on, once", (CUT, {"troubles": (Trouble(403, PAGE),)}, {})),
    Fault(28, "redirect to another host", (), elsewhere=True),
    Fault(31, "redirects in a circle", (), {"redirect": f"/{AT_CIVITAI}"}),
    Fault(33, "login page with status 200", ({"content": PAGE, "content_type": "text/html"},)),
    Fault(33, "login page when going on", (CUT, {"content": PAGE, "ranges": False}, {})),
    Fault(34, "JSON error with status 200", ({"content": b'{"error": "quota exceeded"}'},)),
    Fault(35, "Git LFS pointer", ({"content": POINTER},)),
    Fault(36, "gzip that nobody asked for", (), {"encode": True, "ranges": False}),
    Fault(37, "hostile Content-Disposition", (), {"headers": {"Content-Disposition": "x;/../"}}),
    Fault(42, "one bit flips, once", ({"flip_at": MIB}, {})),
    Fault(46, "a header of 300 KB", (), {"headers": {"X-Bomb": "x" * 300_000}}),
)

HTTP_GET = """
import os, sys
from huggingface_hub.file_download import http_get
url, out, token, size = sys.argv[1:]
with open(out + ".incomplete", "ab") as file:
    headers = {"Authorization": "Bearer " + token}
    http_get(url, file, resume_size=file.tell(), headers=headers, expected_size=int(size))
os.replace(out + ".incomplete", out)
"""


def _sdreg(url: str, out: Path) -> list[str]:
    """The catalog knows length, hash and source; Civitai is the server."""
    del url, out
    return [sys.executable, "-m", "registry", "install", "noise", "--json"]


BEARER = f"Authorization: Bearer {TOKEN}"
TOOLS: dict[str, tuple[str, Callable[[str, Path], list[str]]]] = {
    "curl": ("curl", lambda url, out: ["curl", "-sSfL", "-H", BEARER, "-o", str(out), url]),
    "curl -C -": (
        "curl",
        lambda url, out: ["curl", "-sSfL", "-C", "-", "-H", BEARER, "-o", str(out), url],
    ),
    "curl --retry": (
        "curl",
        lambda url, out: [
            *("curl", "-sSfL", "--retry", "3", "--retry-all-errors", "-C", "-"),
            *("-H", BEARER, "-o", str(out), url),
        ],
    ),
    "wget": (
        "wget",
        lambda url, out: [
            *("wget", "-q", "-c", "-t", "5", "--waitretry=1", "--header", BEARER),
            *("-O", str(out), url),
        ],
    ),
    "aria2c": (
        "aria2c",
        lambda url, out: [
            *("aria2c", "-q", "-c", "-x4", "-k1M", "-m3", "--retry-wait=1", "--header", BEARER),
            *("-d", str(out.parent), "-o", out.name, url),
        ],
    ),
    "hf http_get": (
        sys.executable,
        lambda url, out: [sys.executable, "-c", HTTP_GET, url, str(out), TOKEN, str(len(CONTENT))],
    ),
    "sdreg": (sys.executable, _sdreg),
}


def measure(tool: str, fault: Fault) -> str:
    """Let a tool meet a fault, twice if need be; says in a word or two what came of it."""
    with TemporaryDirectory() as name, ModelServer() as server, ModelServer() as foreign:
        folder = Path(name)
        if fault.elsewhere:
            url = foreign.serve("there", CONTENT)
            url = server.serve(AT_CIVITAI, b"", redirect=url)
        else:
            url = server.serve(AT_CIVITAI, CONTENT, script=fault.script, **fault.manners)
        out = folder / "noise.safetensors"
        environment = _environment(folder, server)
        if tool == "sdreg":
            _introduce(folder, environment)
        command = TOOLS[tool][1](url, out)
        code: int | None = None
        for _ in range(2):
            code = _run(command, environment)
            if code == 0:
                break
        leaked = any(TOKEN in repr(seen) for seen in foreign.requests)
        found = [path for path in (out, *(folder / "home" / "blobs").rglob("*")) if path.is_file()]
        right = {CONTENT, OTHER} if fault.new and tool != "sdreg" else {CONTENT}
        wrong = [
            path for path in found if path.suffix != ".json" and path.read_bytes() not in right
        ]
        if code == 0:
            word = "**wrong**" if wrong or not found else "right"
        else:
            word = "hangs" if code is None else "error"
        return word + (", **token**" if leaked else "")


def _environment(folder: Path, server: ModelServer) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SDREG_HOME": str(folder / "home"),
        "SDREG_CIVITAI_URL": server.address,
        "CIVITAI_TOKEN": TOKEN,
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


def _introduce(folder: Path, environment: dict[str, str]) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    file = {
        "name": "noise.safetensors",
        "role": "weights",
        "format": "safetensors",
        "size_bytes": len(CONTENT),
        "hashes": {"sha256": digest},
        "sources": [CIVITAI],
    }
    versions = [{"name": "v1", "files": [file]}]
    model = {"slug": "noise", "name": "Noise", "type": "lora", "versions": versions}
    path = folder / "catalog.json"
    path.write_text(json.dumps({"schema": "sdreg.catalog/1", "revision": 1, "models": [model]}))
    code = _run([sys.executable, "-m", "registry", "catalog", "add", str(path)], environment)
    if code != 0:
        raise RuntimeError("sdreg does not take its catalog file")


def _run(command: list[str], environment: dict[str, str]) -> int | None:
    """The exit code; None if it had to be killed."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            check=False,
            timeout=LONGEST_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.returncode


def main() -> None:
    """Print the table."""
    wanted = sys.argv[1:] or list(TOOLS)
    missing = [tool for tool in wanted if shutil.which(TOOLS[tool][0]) is None]
    for tool in missing:
        print(f"not installed, left out: {tool}", file=sys.stderr)
    tools = [tool for tool in wanted if tool not in missing]
    with ThreadPoolExecutor(8) as executor:
        pending = {
            (tool, fault): executor.submit(measure, tool, fault)
            for fault in FAULTS
            for tool in tools
        }
        words = {pair: future.result() for pair, future in pending.items()}
    print(f"| row | fault | {' | '.join(tools)} |")
    print(f"|---|---|{'---|' * len(tools)}")
    for fault in FAULTS:
        cells = " | ".join(words[tool, fault] for tool in tools)
        print(f"| {fault.row} | {fault.name} | {cells} |")
    for title, sign in (
        ("right bytes", "right"),
        ("wrong bytes, exit 0", "wrong"),
        ("token", "token"),
    ):
        counts = (sum(sign in words[tool, fault] for fault in FAULTS) for tool in tools)
        print(f"| | **{title}** | {' | '.join(map(str, counts))} |")


if __name__ == "__main__":
    main()
