"""The walls around the child, as root and as somebody who is nobody."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from registry.pickles.sandbox import layers

pwd = pytest.importorskip("pwd", reason="users are a matter of Unix")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these walls are Linux's")

ROOT = Path(__file__).parents[2]
TRIALS = Path(__file__).with_name("trials.py")
PYTHONS = (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3")
YOUNG_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))"
DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from registry.errors import SdregError
from registry.pickles.sandbox import Limits, run_confined
asked = json.loads(sys.argv[2])
told = []
try:
    done = run_confined(
        f"trials:{asked['task']}", asked["facts"],
        reads=[Path(p) for p in asked["reads"]], writes=[Path(p) for p in asked["writes"]],
        limits=Limits(**asked["limits"]),
        listen=lambda message: (told.append(message), print(json.dumps(message), flush=True)),
    )
    end = {"value": done.value, "layers": [[w.name, w.stands, w.says] for w in done.layers]}
except SdregError as error:
    end = {"error": type(error).__name__, "text": str(error)}
    end["cause"] = getattr(error, "cause", None)
print(json.dumps({**end, "told": told}))
"""
USERS = ["this user", "nobody"]


@pytest.fixture(scope="module")
def place():
    """A folder that everybody can read: a copy of the package, and files to try on."""
    folder = Path(tempfile.mkdtemp(prefix="sdreg-sandbox-"))
    folder.chmod(0o755)
    shutil.copytree(ROOT / "registry", folder / "code" / "registry")
    shutil.copy(TRIALS, folder / "code")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=USERS)
def user(request):
    """Options of subprocess that make the child somebody."""
    if request.param == "this user":
        return {}
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    nobody = pwd.getpwnam("nobody")
    somebody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    if python_for(somebody) is None:
        pytest.skip("no Python here that everybody may run")
    return somebody


def python_for(user):
    """The first Python that this user may run."""
    for python in PYTHONS:
        try:
            done = subprocess.run([python, "-I", "-c", YOUNG_ENOUGH], check=False, env={}, **user)
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None


@pytest.fixture
def files(place, user, tmp_path_factory):
    """An input, a file next to it that is nobody's business, and a folder for the output."""
    folder = Path(tempfile.mkdtemp(dir=place))
    (folder / "output").mkdir()
    (folder / "input").write_text("weights")
    (folder / "secret").write_text("secret")
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.get("user", -1), user.get("group", -1))
    return folder


def asked(task, facts=None, *, reads=(), writes=(), **limits):
    return json.dumps(
        {
            "task": task,
            "facts": facts or {},
            "reads": list(map(str, reads)),
            "writes": list(map(str, writes)),
            "limits": limits,
        }
    )


def command(place, user, question, code=DRIVER):
    return [python_for(user), "-I", "-S", "-B", "-c", code, str(place / "code"), question]


def ran(place, user, question, code=DRIVER):
    done = subprocess.run(
        command(place, user, question, code),
        check=False,
        capture_output=True,
        text=True,
        env={},
        timeout=60,
        **user,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def answer(place, user, task, facts=None, **rest):
    return ran(place, user, asked(task, facts, **rest))


@pytest.fixture
def attempts(place, user, files):
    facts = {
        "input": str(files / "input"),
        "outside": str(files / "secret"),
        "folder": str(files / "output"),
    }
    return answer(place, user, "attempt", facts, reads=[files / "input"], writes=[files / "output"])


def test_every_door_is_shut_but_its_own_input_and_output(attempts, files):
    tried = attempts["value"]
    if missing := [name for name, stands, _ in attempts["layers"] if not stands]:
        pytest.skip(f"this system has no {', '.join(missing)}")

    assert set(tried.pop("environment")) <= {
        *("LC_CTYPE", "MKL_NUM_THREADS", "OMP_NUM_THREADS"),  # the first is Python's own doing
        *("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    }
    assert tried.pop("descriptors") == [0, 1, 2, 3]
    allowed = {door for door, outcome in tried.items() if outcome.startswith("allowed")}
    assert allowed == {"read its input", "write its output"}
    assert tried["read its input"] == "allowed: 'weights'"
    assert (files / "input").read_text() == "weights"
    assert (files / "secret").read_text() == "secret"
    assert sorted(path.name for path in files.iterdir()) == ["input", "output", "secret"]
    assert [path.name for path in (files / "output").iterdir()] == ["out"]


def test_threads_are_no_programs(place, user):
    assert answer(place, user, "threads")["value"] == [1]


def test_what_it_says_meanwhile_is_heard_in_order(place, user):
    done = answer(place, user, "talk")

    assert (done["told"], done["value"]) == ([{"done": 1}, {"done": 2}], "over")


@pytest.mark.parametrize(
    ("task", "limits", "cause", "text"),
    [
        ("take_memory", {"memory_bytes": 1 << 28}, "memory", "more memory than its 268,435,456"),
        ("take_time", {"time_s": 1.0}, "time", "longer than 1 s"),
        ("crash", {}, "crashed", "status -11"),
        ("fall_silent", {}, "crashed", "status 3"),
        ("fail", {}, "crashed", "KeyError('nothing') in fail"),
        ("import_late", {}, "crashed", "wave must be imported at the top"),
        ("no_such_task", {}, "crashed", "no_such_task"),
    ],
)
def test_however_it_ends_the_end_is_an_error_of_ours(place, user, task, limits, cause, text):  # noqa: PLR0917 -- a table
    done = answer(place, user, task, {"bytes": 1 << 30}, **limits)

    assert (done["error"], done["cause"]) == ("WorkStopped", cause)
    assert text in done["text"]


def test_an_output_has_an_end(place, user, files):
    facts = {"folder": str(files / "output"), "pieces": 4}

    done = answer(place, user, "write_much", facts, writes=[files / "output"], output_bytes=2 << 20)

    assert done["error"] == "WorkStopped"
    assert "File too large" in done["text"]
    assert (files / "output" / "much").stat().st_size <= 2 << 20


def test_an_error_of_ours_comes_home_as_itself(place, user):
    done = answer(place, user, "refuse")

    assert done["error"] == "MalformedHeader"
    assert done["text"] == "model.ckpt is malformed at byte 8: its header is empty"


def test_it_ends_when_its_parent_is_killed(place, user):
    parent = subprocess.Popen(
        command(place, user, asked("die_with_parent")),
        stdout=subprocess.PIPE,
        text=True,
        env={},
        **user,
    )
    child = json.loads(parent.stdout.readline())["pid"]

    parent.kill()
    parent.communicate()

    deadline_s = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "Z" not in _state(child):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_descriptors_serve_as_well_as_paths(place, user, files):
    code = DRIVER.replace(
        'reads=[Path(p) for p in asked["reads"]], writes=[Path(p) for p in asked["writes"]]',
        "reads=[i], writes=[o]",
    ).replace(
        "told = []",
        "import os; told = []\n"
        "i = os.open(asked['facts']['in'], os.O_RDONLY)\n"
        "o = os.open(asked['facts']['out'], os.O_RDWR | os.O_CREAT)\n"
        "asked['facts'] = {'input': i, 'output': o}",
    )
    facts = {"in": str(files / "input"), "out": str(files / "output" / "loud")}

    done = ran(place, user, asked("inherit", facts), code)

    assert done["value"] == 7
    assert (files / "output" / "loud").read_text() == "WEIGHTS"


def test_the_walls_are_named_and_each_says_why_it_is_missing():
    names = [layer.name for layer in layers()]

    assert names == [
        "parent",
        "memory dumps",
        "network",
        "limits",
        "files",
        "privileges",
        "system calls",
        "imports",
    ]
    assert all(layer.says for layer in layers())


WITHOUT_WALLS = """
import json, sys
from registry.operations.surroundings import check_sandbox
from registry.pickles import seccomp
seccomp.DENIED = {"landlock_create_ruleset": (444, 444), "unshare": (272, 97)}
seccomp._CLONE = seccomp._CLONE_3 = (9999, 9999)
seccomp.deny()
print(json.dumps([[check.what, check.health, check.says] for check in check_sandbox()]))
"""


def test_the_doctor_names_each_wall_that_a_system_does_not_have():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_WALLS], check=True, capture_output=True, text=True, cwd=ROOT
    )

    said = {what: (health, says) for what, health, says in json.loads(done.stdout)}
    assert said["sandbox files"] == ("note", "not there: Operation not permitted")
    assert said["sandbox network"] == ("note", "not there: Operation not permitted")
    assert said["sandbox"][0] == "good"
    assert "system calls" in said["sandbox"][1]
