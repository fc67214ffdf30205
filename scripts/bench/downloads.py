#!/usr/bin/env python3
"""How fast a download is that ends proven, against the tools that people use.

    python -m scripts.bench.downloads http|https|throttled|far|small|far-small|resume|limits

nginx serves a made-up safetensors file on loopback; every tool fetches it as a whole process, in
alternating runs, with the disk settled before each. Printed are medians: seconds, multiples of
aria2c's, CPU seconds for each GB, and the highest memory. Needs nginx and openssl, and measures
those of curl, wget, aria2c and hf that are installed. sdreg is the one of this environment.

`throttled` gives every connection 40 MB/s, and each tool eight of them; `far` is the line that
`far_server` describes; `small` are a hundred files of 25 KB, `far-small` the same on that line;
`resume` kills sdreg when nine tenths are there and counts what the second run receives; `limits`
measures what no download can beat, one thing at a time.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024
HTTP, THROTTLED, FAR, HTTPS = 18800, 18801, 18802, 18843
NINE_TENTHS = 0.9
SMALL_FILES, SMALL_BYTES = 100, 25_000


@dataclass(frozen=True)
class Run:
    """What one process took."""

    seconds: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Site:
    """What nginx serves, and where the tools put it."""

    folder: Path
    sha256: str
    size_bytes: int

    @property
    def out(self) -> Path:
        """Emptied before every run."""
        return self.folder / "out"

    @property
    def certificate(self) -> Path:
        """Of the https server, signed by itself."""
        return self.folder / "cert.pem"


def build(folder: Path, gigabytes: int) -> Site:
    """Write the served files and start nginx."""
    www = folder / "www"
    (www / "small").mkdir(parents=True)
    folder.chmod(0o755)  # nginx reads as a user of its own
    size = gigabytes * 1024 * MIB
    header = json.dumps(
        {"noise": {"dtype": "U8", "shape": [size - 4096], "data_offsets": [0, size - 4096]}}
    )
    digest = hashlib.sha256()
    with (www / "big.safetensors").open("wb") as file:
        first = (4096 - 8).to_bytes(8, "little") + header.encode().ljust(4096 - 8)
        for piece in itertools.chain(
            [first, os.urandom(4 * MIB - 4096)], _noise(size // (4 * MIB) - 1)
        ):
            file.write(piece)
            digest.update(piece)
    for number in range(SMALL_FILES):
        (www / "small" / f"{number}.bin").write_bytes(os.urandom(SMALL_BYTES))
    site = Site(folder, digest.hexdigest(), size)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", folder / "key.pem", "-out", site.certificate, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "nginx.conf").write_text(
        _CONFIGURATION.format(folder=folder, www=www, commit="c" * 40, sha256=site.sha256)
    )
    subprocess.run(["nginx", "-c", folder / "nginx.conf"], check=True)
    return site


def _noise(pieces: int):  # noqa: ANN202 -- a generator of bytes
    for _ in range(pieces):
        yield os.urandom(4 * MIB)


_CONFIGURATION = """
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  log_format sent '$body_bytes_sent'; access_log off; sendfile on; root {www};
  server {{ listen 127.0.0.1:18800; access_log {folder}/sent.log sent;
            location /o/r/resolve/main/ {{
                alias {www}/; add_header X-Repo-Commit {commit};
                add_header X-Linked-Etag '"{sha256}"'; }} }}
  server {{ listen 127.0.0.1:18801; limit_rate 40m; }}
  server {{ listen 127.0.0.1:18843 ssl;
            ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; }}
}}
"""


def contenders(site: Site, kind: str) -> dict[str, str]:
    """Shell commands by the name of their row."""
    port = {"http": HTTP, "https": HTTPS, "throttled": THROTTLED, "far": FAR}[kind]
    lines = 8 if kind == "throttled" else 16
    url = f"{'https' if kind == 'https' else 'http'}://127.0.0.1:{port}/big.safetensors"
    file, trust = site.out / "big.safetensors", site.certificate
    fetch = f"curl -s --cacert {trust} -o {file} {url}"
    aria2c = f"aria2c -q -x{lines} -s{lines} --ca-certificate={trust} -d {site.out}"
    sdreg = (
        f"SDREG_CONNECTIONS={lines} "
        f"{sys.executable} -m registry install {url} --sha256 {site.sha256} --yes --json"
    )
    rows = {
        "aria2c --checksum": f"{aria2c} --checksum=sha-256={site.sha256} {url}",
        "aria2c": f"{aria2c} {url}",
        "curl && sha256sum": f"{fetch} && sha256sum {file}",
        "curl": fetch,
        "wget": f"wget -q --ca-certificate={trust} -O {file} {url}",
        "hf download": (
            f"HF_ENDPOINT=http://127.0.0.1:{HTTP} HF_HUB_DISABLE_XET=1 "
            f"HF_HUB_DISABLE_UPDATE_CHECK=1 hf download o/r big.safetensors --local-dir {site.out}"
        ),
        "sdreg": sdreg,
        "sdreg, durable = false": f"SDREG_DURABLE=false {sdreg}",
    }
    few = {"throttled": ("curl && sha256sum", "curl", "wget"), "far": ("curl && sha256sum", "wget")}
    left_out = {*few.get(kind, ()), *(() if kind == "http" else ("hf download",))}
    return {row: line for row, line in rows.items() if row not in left_out}


def limits(site: Site) -> dict[str, str]:
    """What no download can beat, one thing at a time."""
    www, url = site.folder / "www", f"http://127.0.0.1:{HTTP}"
    file, small = www / "big.safetensors", www / "small" / "0.bin"
    hashing = (
        "import hashlib, sys; file = open(sys.argv[1], 'rb', 0); "
        "print(hashlib.file_digest(file, 'sha256').hexdigest())"
    )
    return {
        "SHA-256 alone": f"{sys.executable} -c {shlex.quote(hashing)} {file}",
        "network alone": f"curl -s -o /dev/null {url}/big.safetensors",
        "network alone, TLS": f"curl -s --cacert {site.certificate} -o /dev/null "
        f"https://127.0.0.1:{HTTPS}/big.safetensors",
        "disk alone": f"dd if={file} of={site.out}/big bs=4M conv=fsync status=none",
        "start alone": f"{sys.executable} -m registry install {url}/small/0.bin "
        f"--sha256 {hashlib.sha256(small.read_bytes()).hexdigest()} --yes --json",
    }


def resume(site: Site) -> None:
    """Kill sdreg with SIGKILL when nine tenths are journaled, and look at the second run."""
    home = site.folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    environment = dict(os.environ, SDREG_HOME=str(home))
    url = f"http://127.0.0.1:{HTTP}/big.safetensors"
    command = [sys.executable, "-m", "registry", "install", url]
    command += ["--sha256", site.sha256, "--yes", "--json"]
    slowly = subprocess.Popen(
        command,
        env=dict(environment, SDREG_LIMIT_RATE="150M"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal, pieces = home / "partial" / f"{site.sha256}.journal", site.size_bytes // (4 * MIB)
    there = 0
    while there < NINE_TENTHS * pieces:
        if slowly.poll() is not None:
            sys.exit("it was done before it could be killed")
        time.sleep(0.02)
        with contextlib.suppress(OSError, ValueError):
            there = len(json.loads(journal.read_text())["pieces"])
    slowly.kill()
    slowly.wait()
    there = len(json.loads(journal.read_text())["pieces"])
    time.sleep(1)  # nginx notes what it sent when it sees that nobody listens
    log = site.folder / "sent.log"
    seen = log.stat().st_size
    begun = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    took_s = time.perf_counter() - begun
    time.sleep(1)
    came = sum(int(line) for line in log.read_text()[seen:].split())
    print(f"{there} of {pieces} pieces were journaled when it was killed; the second run took")
    print(f"{took_s:.1f} s and received {came / (4 * MIB):.1f} pieces")


def small_contenders(site: Site, port: int) -> dict[str, str]:
    """The same for the many small files."""
    aria2c, ours = site.folder / "aria2c.txt", site.folder / "sdreg.txt"
    digests = {
        f"http://127.0.0.1:{port}/small/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (site.folder / "www" / "small").iterdir()
    }
    aria2c.write_text("".join(f"{u}\n  checksum=sha-256={d}\n" for u, d in digests.items()))
    ours.write_text("".join(f"{u} {d}\n" for u, d in digests.items()))
    install = f"{sys.executable} -m registry install --from-file {ours} -j8 --yes --json"
    return {
        "aria2c -j8 --checksum": f"aria2c -q -j8 -i {aria2c} -d {site.out}",
        "sdreg -j8": install,
        "sdreg -j8, durable = false": f"SDREG_DURABLE=false {install}",
    }


def far_away(site: Site) -> subprocess.Popen[bytes]:
    """Start the server at the end of a long line."""
    server = subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.far_server", site.folder / "www", "--port", str(FAR)]
    )
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", FAR)):
            return server
        time.sleep(0.05)


def measure(command: str, site: Site) -> Run:
    """Run one command in an empty folder and an empty home."""
    home = site.folder / "home"
    for folder in (site.out, home):
        shutil.rmtree(folder, ignore_errors=True)
    site.out.mkdir()
    environment = dict(os.environ, SDREG_HOME=str(home), SSL_CERT_FILE=str(site.certificate))
    subprocess.run(  # the catalog is made once, by the first command of a new user
        [sys.executable, "-m", "registry", "list", "--limit", "1"],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    os.sync()
    begun = time.perf_counter()
    process = subprocess.Popen(command, shell=True, env=environment, stdout=subprocess.DEVNULL)  # noqa: S602 -- our own words
    _, status, usage = os.wait4(process.pid, 0)
    took_s = time.perf_counter() - begun
    if status != 0:
        sys.exit(f"{command}\nended with status {os.waitstatus_to_exitcode(status)}")
    return Run(took_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def report(runs: dict[str, list[Run]], size_bytes: int) -> None:
    """Print a table, with the first row as the measure of all."""
    unit = statistics.median(run.seconds for run in next(iter(runs.values())))
    print("| | s | × the first | CPU s per GB | memory MB |\n|---|---|---|---|---|")
    for name, mine in runs.items():
        seconds = statistics.median(run.seconds for run in mine)
        cpu_s = statistics.median(run.cpu_s for run in mine) / (size_bytes / 1e9)
        peak = max(run.peak_mb for run in mine)
        print(f"| {name} | {seconds:.2f} | {seconds / unit:.2f} | {cpu_s:.2f} | {peak:.0f} |")


def main() -> None:
    """Build the site, measure in turns, report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    kinds = ["http", "https", "throttled", "far", "small", "far-small", "resume", "limits"]
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gigabytes", type=int, default=4)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        site = build(Path(name), chosen.gigabytes)
        far = far_away(site) if chosen.kind.startswith("far") else None
        try:
            if chosen.kind == "resume":
                resume(site)
                return
            is_small = chosen.kind.endswith("small")
            if is_small:
                rows = small_contenders(site, FAR if far else HTTP)
            else:
                rows = limits(site) if chosen.kind == "limits" else contenders(site, chosen.kind)
            rows = {row: line for row, line in rows.items() if chosen.kind == "limits"
                    or row.startswith("sdreg") or shutil.which(row.split()[0])}  # fmt: skip
            runs: dict[str, list[Run]] = {row: [] for row in rows}
            for _ in range(chosen.runs):
                for row, line in rows.items():
                    runs[row].append(measure(line, site))
            report(runs, SMALL_FILES * SMALL_BYTES if is_small else site.size_bytes)
        finally:
            if far is not None:
                far.kill()
            subprocess.run(["nginx", "-c", site.folder / "nginx.conf", "-s", "quit"], check=False)


if __name__ == "__main__":
    main()
