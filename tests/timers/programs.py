"""Small real programs that stand where the system's own would: they note how they were called."""

import json
import stat
import sys
from pathlib import Path

_CRONTAB = """\
import pathlib, sys
spool = pathlib.Path(__file__).with_name("spool")
if sys.argv[1:] == ["-l"]:
    if not spool.exists():
        sys.exit("no crontab for ann")
    sys.stdout.buffer.write(spool.read_bytes())
elif sys.argv[1:] == ["-r"]:
    spool.unlink()
elif sys.argv[1:] == ["-"]:
    new = sys.stdin.buffer.read()
    if b"refused" in new or not new.endswith(b"\\n"):
        sys.exit("errors in crontab file, can't install")
    spool.write_bytes(new)
else:
    sys.exit("usage")
"""

# Answers by its list: how a call begins, an exit status, what is said.
_NOTING = """\
import json, pathlib, sys
me = pathlib.Path(__file__)
words = " ".join(sys.argv[1:])
with me.with_name("calls").open("a") as calls:
    calls.write(f"{me.stem} {words}\\n")
for beginning, code, said in json.loads(me.with_suffix(".json").read_text()):
    if words.startswith(beginning):
        print(said, file=sys.stderr if code else sys.stdout)
        sys.exit(code)
"""


class Programs:
    """A folder that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def spool(self) -> Path:
        """What the stand-in for `crontab` keeps."""
        return self.folder / "spool"

    @property
    def calls(self) -> list[str]:
        """How the programs were called since the last look."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    def crontab(self, content: bytes | None = None) -> None:
        """Put a `crontab` there that keeps a file."""
        self._put("crontab", _CRONTAB)
        if content is not None:
            self.spool.write_bytes(content)

    def noting(self, name: str, *answers: tuple[str, int, str]) -> None:
        """Put a program there that notes its calls and answers the first that begins so."""
        self._put(name, _NOTING)
        (self.folder / f"{name}.json").write_text(json.dumps(answers))

    def _put(self, name: str, text: str) -> None:
        (self.folder / f"{name}.py").write_text(text)
        program = self.folder / name
        inner = self.folder / f"{name}.py"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I "{inner}" "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)


def as_cron_runs_it(line: str, home: Path) -> tuple[list[str], dict[str, str]]:
    """The command that cron makes of a line, and all the environment that it gives."""
    command = line.split(" ", 5)[5].replace("\\%", "%")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "ann"}
    return ["/bin/sh", "-c", command], environment
