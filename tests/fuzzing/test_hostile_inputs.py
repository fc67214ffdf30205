"""A slice of what `scripts/fuzz` does: no input brings the readers to anything but their answer."""

import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.fuzzing import harness

ROOT = Path(__file__).parents[2]
WORDS = st.sampled_from(list(harness.words()))


@st.composite
def damaged(draw, seeds):
    """A sound file with bytes changed, taken out, put in, doubled, or its end cut off."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["change", "take", "put", "double", "cut"])):
            case "change" if begin < len(content):
                content[begin] = draw(st.integers(0, 255))
            case "take":
                del content[begin:end]
            case "put":
                content[begin:begin] = draw(WORDS | st.binary(max_size=8))
            case "double":
                content[begin:begin] = content[begin:end]
            case "cut":
                del content[begin:]
    return bytes(content)


def torch_like():
    pieces = st.lists(WORDS | st.binary(max_size=4), max_size=40).map(b"".join)
    sound = list(harness.torch_seeds())
    return damaged(sound) | st.tuples(st.sampled_from([b"\0", b"\1", b"\2"]), pieces).map(b"".join)


@hypothesis.settings(max_examples=600)
@hypothesis.given(content=torch_like())
def test_no_torch_file_surprises_the_reader(tmp_path_factory, content):
    harness.try_torch(content, tmp_path_factory.getbasetemp() / "fuzzed.pt")


@hypothesis.settings(max_examples=600)
@hypothesis.given(content=damaged(list(harness.safetensors_seeds())))
def test_no_safetensors_header_surprises_the_reader(content):
    harness.try_safetensors(content)


def test_the_sound_files_are_sound(tmp_path):
    path = tmp_path / "sound.pt"

    assert all(map(harness.try_safetensors, harness.safetensors_seeds()))
    assert sum(harness.try_torch(seed, path) for seed in harness.torch_seeds()) >= 18


BOMBS = {
    "filled dictionaries": r'b"(" + b"}K\x01K\x02s" * 390_000 + b"l"',
    "memory": 'b"(" + b"".join(b"}r" + (n * 3).to_bytes(4, "little")'
    ' for n in range(499_000)) + b"l"',
    "wide texts": r'b"(" + text("\U0001d518" + "a" * (7 << 20)) * 4 + b"l"',
    "copies of a text": r'text("a" * (7 << 20)) + b"q\x000" + name("_codecs", "encode")'
    r' + b"q\x010(" + (b"h\x01h\x00" + text("latin1") + b"\x86R") * 40 + b"l"',
    "objects": r'b"(" + name("argparse", "Namespace") + b"q\x000"'
    r' + b"h\x00)\x81}b" * 250_000 + b"l"',
    "thickets": r'b"(" + b"N" * 1000 + b"lq\x000" + b"(" * 55 + b"h\x00" * 400 + b"l" * 55',
}
EXPLODE = """
import re, sys, time
from pathlib import Path
from registry.convert.torch_source import look_into
from tests.pickles.building import name, tensor, text, zipped
path = Path(sys.argv[1])
path.write_bytes(zipped(eval(sys.argv[2])))
begun = time.process_time()
look_into(path)
# Not ru_maxrss: that remembers the process that started this one.
peak_kib = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(time.process_time() - begun, peak_kib)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
@pytest.mark.parametrize("bomb", BOMBS)
def test_no_bomb_takes_much_memory_or_time(tmp_path, bomb):
    done = subprocess.run(
        [sys.executable, "-c", EXPLODE, str(tmp_path / "bomb.pt"), BOMBS[bomb]],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    processor_s, peak_kib = map(float, done.stdout.split())
    assert peak_kib < 512 * 1024
    assert processor_s < 10
