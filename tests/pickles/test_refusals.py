"""What is refused, with its name and its place; and what is broken, which never surprises us."""

import io
import pickle
import struct
import warnings
import zipfile

import pytest

from registry.convert.torch_source import look_into, open_torch, storage_checksums
from registry.errors import MalformedHeader, NotAModelFile, PickleRefused, UnreadableFile
from registry.pickles.policy import MAX_MEMO, MAX_OPERATIONS, MAX_STACK, Code
from tests.pickles.building import (
    SYSTEM,
    dictionary,
    legacy,
    name,
    number,
    numbers,
    pickled,
    place_of,
    storage,
    tensor,
    text,
    zipped,
)


@pytest.fixture
def look(tmp_path):
    def look(content):
        path = tmp_path / "model.pt"
        path.write_bytes(content)
        return look_into(path)

    return look


def reasons(reading):
    return [(reason.code, reason.name) for reason in reading.verdict.reasons]


EVIL = name("os", "system") + b"(" + text("true") + b"tR"


# ── code ──────────────────────────────────────────────────────────────────────────────────────────

NAMES = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("runpy", "run_path"),
    ("webbrowser", "open"),
    ("torch", "load"),
    ("torch.storage", "_load_from_bytes"),
    ("torch.hub", "load"),
    ("torch._utils", "os.system"),
    ("torch", "_utils._rebuild_tensor_v2"),
    ("collections", "OrderedDict.fromkeys"),
    ("cоllections", "OrderedDict"),
    ("collections ", "OrderedDict"),
    ("COLLECTIONS", "OrderedDict"),
    ("collections", "OrderedDict\r"),
    ("", ""),
    ("__main__", "Net"),
]


@pytest.mark.parametrize(("module", "what"), NAMES)
@pytest.mark.parametrize("make", [zipped, legacy])
def test_a_name_that_is_not_allowed_is_refused_wherever_it_stands(look, module, what, make):
    old = name(module, what)
    young = text(module) + text(what) + b"\x93"

    for body in (old, young, dictionary(a=old), b"(" + old + b"l", b"(" + tensor() + young + b"t"):
        content = make(body)
        reading = look(content)
        (reason,) = reading.verdict.reasons
        assert (reading.verdict.word, reading.tree) == ("refused", None)
        assert (reason.code, reason.name) == (Code.FORBIDDEN_NAME, f"{module}.{what}")
        assert content[reason.offset : reason.offset + 1] in {b"c", b"\x93"}


def test_a_name_of_python_2_goes_by_the_one_of_today(look):
    assert reasons(look(legacy(name("__builtin__", "eval")))) == [
        (Code.FORBIDDEN_NAME, "builtins.eval")
    ]


def test_the_offset_is_where_the_operation_stands_in_the_file(look):
    plain = pickle.dumps({"a": [1, 2, print]}, protocol=4)

    (reason,) = look(plain).verdict.reasons

    assert (reason.name, reason.offset) == ("builtins.print", place_of(plain, "STACK_GLOBAL"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"(" + text("true") + b"ios\nsystem\n", (Code.FORBIDDEN_NAME, "os.system")),
        (b"(ccollections\nOrderedDict\no", (Code.FORBIDDEN_OPERATION, "OBJ")),
        (b"(icollections\nOrderedDict\n", (Code.FORBIDDEN_OPERATION, "INST")),
        (b"ccollections\nOrderedDict\n)}\x92", (Code.FORBIDDEN_OPERATION, "NEWOBJ_EX")),
        (b"\x82\x01", (Code.FORBIDDEN_OPERATION, "EXT")),
        (b"\x83\x01\x00", (Code.FORBIDDEN_OPERATION, "EXT")),
        (b"\x84\x01\x00\x00\x00", (Code.FORBIDDEN_OPERATION, "EXT")),
        (b"\x97", (Code.FORBIDDEN_OPERATION, "NEXT_BUFFER")),
        (b"]\x98", (Code.FORBIDDEN_OPERATION, "READONLY_BUFFER")),
        (b"Pstorage\n", (Code.FORBIDDEN_OPERATION, "PERSID")),
        (b"ccollections\nOrderedDict\n}b", (Code.FORBIDDEN_OPERATION, "BUILD")),
        (b"K\x01}b", (Code.FORBIDDEN_OPERATION, "BUILD")),
        (name("torch", "float32") + b")R", (Code.FORBIDDEN_CALL, "torch.float32")),
        (name("torch", "FloatStorage") + b")R", (Code.FORBIDDEN_CALL, "torch.FloatStorage")),
        (name("builtins", "object") + b")R", (Code.FORBIDDEN_CALL, "builtins.object")),
        (
            name("_codecs", "encode") + text("abc") + text("rot13") + b"\x86R",
            (Code.FORBIDDEN_CALL, "_codecs.encode"),
        ),
        (
            name("copyreg", "_reconstructor") + name("argparse", "Namespace") + b"}N\x87R",
            (Code.FORBIDDEN_CALL, "copyreg._reconstructor"),
        ),
    ],
)
def test_an_operation_that_no_model_needs_is_refused(look, body, expected):
    for make in (zipped, legacy):
        assert reasons(look(make(body))) == [expected]


def test_everything_that_is_wrong_is_told_once_in_its_order(look):
    twice = b"(" + EVIL + EVIL + name("builtins", "eval") + b"\x82\x01" + b"l"

    assert reasons(look(zipped(twice))) == [
        (Code.FORBIDDEN_NAME, "os.system"),
        (Code.FORBIDDEN_NAME, "builtins.eval"),
        (Code.FORBIDDEN_OPERATION, "EXT"),
    ]


def test_what_was_refused_may_be_called_filled_and_built_without_more_ado(look):
    body = EVIL + b"(K\x01K\x02u" + b"K\x01a" + b"}b" + b")R" + b")\x81" + b"Q"

    assert reasons(look(zipped(body))) == [(Code.FORBIDDEN_NAME, "os.system")]


@pytest.mark.parametrize("where", range(5))
def test_every_pickle_of_the_legacy_format_is_looked_at(look, where):
    parts = [
        pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2),
        pickle.dumps(1001, protocol=2),
        SYSTEM,
        pickled(b"}"),
        pickle.dumps([], protocol=2),
    ]
    parts[where] = pickled(EVIL)

    assert (Code.FORBIDDEN_NAME, "os.system") in reasons(look(b"".join(parts)))


def test_a_pickle_behind_a_pickle_is_looked_at(look):
    assert reasons(look(pickled(b"}") + pickled(b"]") + pickled(EVIL))) == [
        (Code.FORBIDDEN_NAME, "os.system")
    ]


def test_a_pickle_as_text_is_a_pickle(look):
    assert reasons(look(pickle.dumps(print, protocol=0))) == [
        (Code.FORBIDDEN_NAME, "builtins.print")
    ]


def test_a_pickle_that_breaks_off_behind_its_harm_is_refused_for_the_harm(look):
    assert reasons(look(pickled(EVIL)[:-1])) == [(Code.FORBIDDEN_NAME, "os.system")]
    assert look(pickled(EVIL)[:-1]).verdict.word == "refused"


def test_a_text_that_begins_like_a_pickle_is_no_program(look):
    for content in (b"config: yes\nname: no\n", b"cats\nand dogs are\nnice\n"):
        assert look(content).verdict.word == "unreadable"


def test_a_whole_module_is_refused_and_the_sentence_says_what_to_ask_for(look):
    (reason,) = look(zipped(name("torch.nn.modules.linear", "Linear") + b")\x81}b")).verdict.reasons

    assert reason.code is Code.WHOLE_MODULE
    assert "can publish the state_dict instead" in reason.sentence


def test_the_source_code_of_a_module_is_refused(look):
    container = b"(" + text("module") + name("__main__", "Net") + text("net.py") + text("…") + b"tQ"

    assert reasons(look(legacy(container))) == [
        (Code.FORBIDDEN_NAME, "__main__.Net"),
        (Code.WHOLE_MODULE, "its source code"),
    ]


# ── tensors that are none ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (tensor(shape=(5,)), Code.OUTSIDE_STORAGE),
        (tensor(offset=1), Code.OUTSIDE_STORAGE),
        (tensor(offset=-1, shape=(1,)), Code.OUTSIDE_STORAGE),
        (tensor(offset=2**50, shape=(1,)), Code.OUTSIDE_STORAGE),
        (tensor(shape=(2, 2), strides=(3, 1)), Code.OUTSIDE_STORAGE),
        (tensor(shape=(1 << 40,), strides=(0,)), Code.OVER_LIMIT),
        (tensor(shape=(1 << 21,), strides=(0,)), Code.OVER_LIMIT),
        (tensor(shape=(1 << 47, 1 << 47), strides=(0, 0)), Code.OVER_LIMIT),
        (tensor(shape=(0, 1 << 47, 1 << 47), strides=(0, 0, 0)), Code.OVER_LIMIT),
        (tensor(shape=(1,) * 65, strides=(1,) * 65), Code.FORBIDDEN_CALL),
        (tensor(shape=(-1,)), Code.FORBIDDEN_CALL),
        (tensor(shape=(2,), strides=(-1,)), Code.FORBIDDEN_CALL),
        (tensor(shape=(2, 2), strides=(1,)), Code.FORBIDDEN_CALL),
        (tensor(b"N"), Code.FORBIDDEN_CALL),
        (tensor(storage(count=5)), Code.WRONG_STORAGE),
        (tensor(storage(count=-1)), Code.WRONG_STORAGE),
        (tensor(storage(key="1")), Code.WRONG_STORAGE),
        (tensor(storage(kind="Size")), Code.WRONG_STORAGE),
        (tensor(more=dictionary(conj=b"\x88")), Code.NOT_REPRESENTABLE),
        (tensor(storage(kind="QInt8Storage")), Code.NOT_REPRESENTABLE),
        (tensor(storage(kind="ComplexDoubleStorage")), Code.NOT_REPRESENTABLE),
        (name("torch._utils", "_rebuild_sparse_tensor") + b")R", Code.NOT_REPRESENTABLE),
        (b"(" + tensor() + tensor(storage(kind="HalfStorage", count=8)) + b"l", Code.WRONG_STORAGE),
        (text("no storage") + b"Q", Code.MALFORMED_PICKLE),
        (b")Q", Code.MALFORMED_PICKLE),
    ],
)
def test_a_tensor_that_is_none_is_refused(look, body, code):
    reading = look(zipped(body))

    assert reading.verdict.reasons[0].code is code
    assert reading.verdict.word == "refused"


def test_the_name_of_what_cannot_be_represented_is_told(look):
    body = tensor(storage(kind="QInt8Storage"))

    assert look(zipped(body)).verdict.reasons[0].name == "quantised tensors (torch.QInt8Storage)"


def test_a_view_that_repeats_its_bytes_may_do_so_within_reason(look):
    assert look(zipped(tensor(shape=(1000, 4), strides=(0, 1)))).tree is not None


def test_many_small_bombs_are_one_large_one(look):
    one = tensor(shape=(1 << 18,), strides=(0,))

    assert look(zipped(one)).tree is not None
    assert reasons(look(zipped(b"(" + one * 8 + b"l")))[0][0] is Code.OVER_LIMIT


# ── thickets ──────────────────────────────────────────────────────────────────────────────────────


def laughs(opening, closing, levels):
    """Each level holds the one below it twice."""
    body = tensor() + b"q\x00"
    for _ in range(levels):
        body += b"0" + opening + b"h\x00h\x00" + closing + b"q\x00"
    return body


@pytest.mark.parametrize(
    "body",
    [
        laughs(b"(", b"l", 40),
        laughs(b"", b"\x86", 40),
        b"]" * 100 + b"a" * 99,
        b")" + b"\x85" * 100,
        b"N" * (MAX_STACK + 1) + b"0" * MAX_STACK,
        b"(" * (MAX_STACK + 1),
        b"N" + b"".join(b"r" + struct.pack("<I", n) for n in range(MAX_MEMO + 1)),
        b"\x8a\xff" + b"\x7f" * 255 + b"q\x000}h\x00K\x01s",
        b"N0" * (MAX_OPERATIONS // 2 + 1) + b"N",
        b"X\xff\xff\xff\x7f",
        b"\x8b\x00\x00\x01\x00",
    ],
)
def test_what_no_model_needs_so_much_of_is_refused(look, body):
    assert look(zipped(body)).verdict.reasons[0].code in {Code.OVER_LIMIT, Code.MALFORMED_PICKLE}


@pytest.mark.parametrize("body", [b"]q\x00h\x00a", b"}q\x00K\x01h\x00s", b"(]q\x00h\x00at"])
def test_what_contains_itself_is_refused(look, body):
    assert reasons(look(zipped(body))) == [(Code.CYCLE, None)]


def test_an_object_may_know_its_parent(look):
    shell = name("argparse", "Namespace") + b")\x81q\x00}" + text("parent") + b"h\x00sb"

    reading = look(zipped(dictionary(a=shell)))

    assert reading.tree is not None
    assert reading.tree.values[("a", "parent")] == "argparse.Namespace"


def test_two_keys_that_look_the_same_are_refused(look):
    body = b"}(NK\x01" + text("None") + b"K\x02u"

    assert reasons(look(zipped(body))) == [(Code.SAME_PATH, "None")]


@pytest.mark.parametrize("key", [b"]", b"}", b"]\x85", b")\x85" * 30 + b"\x85", tensor()])
def test_a_key_that_no_dictionary_takes_is_refused(look, key):
    reading = look(zipped(b"}" + key + b"Ns"))

    assert [reason.code for reason in reading.verdict.reasons] == [Code.MALFORMED_PICKLE]


# ── broken pickles ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"0",
        b"1",
        b"2",
        b"R",
        b"NR",
        b"b",
        b"Nb0",
        b"Q",
        b"s",
        b"Ns",
        b"NNs",
        b"]NNs",
        b"u",
        b"}(Nu",
        b"(u",
        b"N(NNu",
        b"a",
        b"Na",
        b"NNa",
        b"e",
        b"}(Ne",
        b"t",
        b"\x85",
        b"N\x86",
        b"NN\x87",
        b"h\x00",
        b"j\x00\x00\x00\x00",
        b"g7\n",
        b"gx\n",
        b"q\x00",
        b"Np-1\n",
        b"N(q\x00",
        b"(0q\x00",
        b"\x93",
        b"NN\x93",
        b"X\x01\x00\x00\x00a" + b"N\x93",
        b"NN\x81",
        b"N)\x81",
        b"NN",
        b"N(",
        b"o",
        b"i\n\n",
        b"N)R",
        b"]NR",
        name("collections", "OrderedDict") + b"NR",
        name("collections", "OrderedDict") + b"]R",
        b"\x90",
        b"\x91",
        b"\x92",
        b"NN\x92",
        b"\x98",
        b"\xff",
        b"\x80\x06N",
        b"Inope\n",
        b"I" + b"9" * 300 + b"\n",
        b"Lx\n",
        b"Fx\n",
        b"Sx\n",
        b"S'x\n",
        b"X\x01\x00\x00\x00\xff",
        b"Vu\\u12\n",
        b"c\xff\n\xff\n",
    ],
)
def test_a_pickle_that_makes_no_sense_is_refused_and_nothing_worse(look, body):
    for make in (zipped, legacy):
        reading = look(make(body))
        assert reading.verdict.word == "refused"
        assert reading.tree is None


@pytest.mark.parametrize(
    "body",
    [
        b"c",
        b"cos",
        b"cos\nsys",
        b"X\xff\x00\x00\x00",
        b"K",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f",
    ],
)
def test_a_length_that_lies_is_refused_in_a_zip_whose_checksum_is_right(look, body):
    assert look(zipped(body)).verdict.word == "refused"


def test_bytes_behind_the_pickle_of_a_zip_are_refused(look):
    assert reasons(look(zipped(b"}.cos\nsystem\n")))[0] == (Code.TRAILING_BYTES, "12 bytes")


# ── legacy files ──────────────────────────────────────────────────────────────────────────────────


def legacy_storage(key="0", count=4, view=b"N"):
    inner = text("storage") + name("torch", "FloatStorage") + text(key) + text("cpu")
    return b"(" + inner + number(count) + view + b"tQ"


def view(key, begin, count):
    return text(key) + number(begin) + number(count) + b"\x87"


LEGACY = tensor(legacy_storage())


def test_a_sound_legacy_file_is_clean(look):
    reading = look(legacy(LEGACY))

    begin, end = reading.tree.tensors[0].storage
    assert (reading.verdict.word, end - begin) == ("clean", 16)


def test_a_view_of_a_legacy_storage_is_a_part_of_it(look):
    body = tensor(legacy_storage(view=view("v", 1, 2)), shape=(2,))

    reading = look(legacy(body, {"0": (4, bytes(range(16)))}))

    begin, end = reading.tree.tensors[0].storage
    assert legacy(body, {"0": (4, bytes(range(16)))})[begin:end] == bytes(range(4, 12))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (legacy(LEGACY, keys=[]), Code.WRONG_STORAGE),
        (legacy(LEGACY, keys=["0", "0"]), Code.WRONG_STORAGE),
        (legacy(LEGACY, keys=["1"]), Code.WRONG_STORAGE),
        (legacy(LEGACY, keys=[0]), Code.MALFORMED_PICKLE),
        (legacy(LEGACY, keys={}), Code.MALFORMED_PICKLE),
        (legacy(LEGACY, {"0": (5, bytes(16))}), Code.WRONG_STORAGE),
        (legacy(LEGACY, {"0": (-1, bytes(16))}), Code.WRONG_STORAGE),
        (legacy(LEGACY, tail=b"more"), Code.TRAILING_BYTES),
        (legacy(LEGACY, system=pickled(b"}")), Code.BIG_ENDIAN),
        (legacy(LEGACY, system=pickled(dictionary(little_endian=b"\x89"))), Code.BIG_ENDIAN),
        (legacy(tensor(legacy_storage(view=view("v", 3, 2)), shape=(2,))), Code.OUTSIDE_STORAGE),
        (legacy(tensor(legacy_storage(view=view("v", -1, 2)), shape=(2,))), Code.OUTSIDE_STORAGE),
        (legacy(tensor(legacy_storage(view=b"K\x01"))), Code.MALFORMED_PICKLE),
        (
            legacy(
                b"("
                + tensor(legacy_storage(view=view("v", 0, 2)), shape=(2,))
                + tensor(legacy_storage(view=view("v", 2, 2)), shape=(2,))
                + b"l"
            ),
            Code.WRONG_STORAGE,
        ),
    ],
)
def test_a_legacy_file_that_contradicts_itself_is_refused(look, content, code):
    assert [reason.code for reason in look(content).verdict.reasons] == [code]


@pytest.mark.parametrize("kept", [1, 15, 40, 100, -1, -16])
def test_a_legacy_file_that_is_cut_off_cannot_be_read(look, kept):
    whole = legacy(LEGACY)

    assert look(whole[:kept]).verdict.word == "unreadable"


def test_another_version_of_the_legacy_format_is_refused(look):
    other = legacy(LEGACY).replace(pickle.dumps(1001, protocol=2), pickle.dumps(1000, protocol=2))

    assert look(other).verdict.word == "refused"


# ── containers ────────────────────────────────────────────────────────────────────────────────────


def archive(*members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as made:
        warnings.simplefilter("ignore")  # zipfile warns of the name that we want twice
        for path, content in members:
            made.writestr(path, content)
    return buffer.getvalue()


SOUND = zipped(tensor())


def test_a_sound_zip_is_clean_and_its_storages_have_checksums(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(SOUND)

    (found,) = open_torch(path).tensors

    assert SOUND[slice(*found.storage)] == bytes(16)
    assert storage_checksums(path) == {found.storage: 0xECBB4B55}


@pytest.mark.parametrize(
    "content",
    [
        archive(("a/data.pkl", pickled(b"}")), ("a/data.pkl", pickled(EVIL))),
        archive(("a/data.pkl", pickled(EVIL)), ("a/data.pkl", pickled(b"}"))),
        archive(("a/data.pkl", pickled(b"}")), ("a/DATA.PKL", pickled(EVIL))),
        archive(("a/data.pkl", pickled(b"}")), ("b/data.pkl", pickled(EVIL))),
        archive(("a/data.pkl", pickled(EVIL)), compression=zipfile.ZIP_DEFLATED),
        archive(("x/readme", b""), ("a/b/data.pkl", pickled(EVIL))),
        zipped(b"}", members=[("archive/other/data.pkl", pickled(EVIL))]),
        zipped(EVIL).replace(b"archive/data/0", b"archive/data/9", 1),
    ],
)
def test_harm_is_found_in_a_container_that_is_not_sound_either(look, content):
    reading = look(content)

    assert (Code.FORBIDDEN_NAME, "os.system") in reasons(reading)
    assert reading.verdict.word == "refused"


def test_a_zip_that_is_cut_off_cannot_be_read(look):
    # torch finds nothing in it either: the table of contents is gone.
    assert look(zipped(EVIL)[:-1]).verdict.word == "unreadable"


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (archive(("a/data.pkl", pickled(b"}")), ("a/data.pkl", b"")), "have one name"),
        (archive(("a/data.pkl", pickled(b"}")), ("a/DATA/0", b""), ("a/data/0", b"")), "one name"),
        (archive(("a/data.pkl", pickled(b"}")), ("b/x", b"")), "more than one folder"),
        (SOUND + SOUND, "before its first member"),
        (SOUND.replace(bytes(16), bytes(15) + b"\x01", 1), "Bad CRC-32"),
        (SOUND.replace(b"archive/data/0", b"archive/data/1", 1), "tables of contents do not agree"),
        (SOUND.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01", 1), "do not agree"),
        (
            SOUND.replace(b"PK\x03\x04\x14\x00\x00\x00\x00", b"PK\x03\x04\x14\x00\x00\x00\x08", 1),
            "agree",
        ),
        (zipped(tensor(), order=b"middle"), "no byte order"),
    ],
)
def test_a_container_that_torch_would_take_is_not_good_enough(look, content, because):
    reading = look(content)

    (reason,) = reading.verdict.reasons
    assert (reading.verdict.word, reason.code) == ("unreadable", Code.DAMAGED)
    assert because in reason.name


def test_big_numbers_first_are_refused_with_the_reason(look):
    assert reasons(look(zipped(tensor(), order=b"big"))) == [(Code.BIG_ENDIAN, None)]


def test_a_zip_of_old_says_nothing_of_its_byte_order_and_is_little_endian(look):
    assert look(zipped(tensor(), order=None)).verdict.word == "clean"


def test_a_program_is_refused_as_one(look):
    members = [("archive/constants.pkl", pickled(b")")), ("archive/code/__torch__.py", b"")]

    assert reasons(look(zipped(b"}", members=members))) == [(Code.TORCHSCRIPT, None)]


def test_a_tar_archive_is_refused_as_one(look):
    header = b"sys_info".ljust(257, b"\0") + b"ustar\x0000"

    assert reasons(look(header.ljust(1024, b"\0"))) == [(Code.TAR_ARCHIVE, None)]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"7z\xbc\xaf\x27\x1c....", "a 7z archive"),
        (b"\x1f\x8b\x08" + bytes(20), "a gzip archive"),
        (b"Rar!\x1a\x07\x00", "a rar archive"),
        (b"<!doctype html><title>Log in</title>", 'an HTML page ("Log in")'),
        (b"\r\n", "a file of nothing but white space"),
        (b"", "an empty file"),
        (b"GGUF\x03\x00\x00\x00", "a GGUF"),
        (archive(("pictures/1.png", b"")), "a zip archive"),
    ],
)
def test_what_is_no_torch_file_is_called_by_its_name(look, content, what):
    (reason,) = look(content).verdict.reasons

    assert reason.code is Code.NOT_A_MODEL
    assert what in reason.name


# ── opening ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (zipped(EVIL), PickleRefused, r"model\.pt is refused: it would import os\.system \(byte"),
        (legacy(LEGACY)[:-1], MalformedHeader, "it is cut off"),
        (SOUND[:-1], MalformedHeader, "zip container is damaged"),
        (b"<html>", NotAModelFile, "an HTML page"),
        (b"GGUF\x03\x00\x00\x00", MalformedHeader, "not a torch file"),
        (pickle.dumps({"a": 1}), NotAModelFile, "a pickle of plain values"),
    ],
)
def test_opening_a_file_that_is_not_clean_raises_the_first_reason(tmp_path, content, error, text):
    path = tmp_path / "model.pt"
    path.write_bytes(content)

    with pytest.raises(error, match=text):
        open_torch(path)


def test_the_error_carries_the_name_and_the_offset(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(pickled(EVIL))

    with pytest.raises(PickleRefused) as caught:
        open_torch(path)

    assert (caught.value.name, caught.value.offset) == ("os.system", 2)
    assert caught.value.exit_code == 8


def test_a_file_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(UnreadableFile):
        open_torch(tmp_path / "nothing.pt")


def test_numbers_of_numpy_are_numbers(look):
    kind = name("numpy", "dtype") + text("f8") + b"\x89\x88\x87R"
    content = name("_codecs", "encode") + text("\x00\x00\x00\x00\x00\x00ø?") + text("latin1")
    scalar = name("numpy.core.multiarray", "scalar") + kind + content + b"\x86R\x86R"

    assert look(zipped(dictionary(best=scalar))).tree.values == {("best",): 1.5}


def test_what_may_only_be_named_is_named(look):
    body = b"}" + name("pytorch_lightning.callbacks.early_stopping", "EarlyStopping") + b"K\x01s"

    assert look(zipped(body)).tree.values == {
        ("pytorch_lightning.callbacks.early_stopping.EarlyStopping",): 1
    }


def test_a_shape_may_stand_in_a_size_of_torch(look):
    size = name("torch", "Size") + numbers((2, 2)) + b"\x85R"
    arguments = storage() + number(0) + size + numbers((2, 1)) + b"\x89N"

    body = name("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"tR"

    assert look(zipped(body)).tree.tensors[0].shape == (2, 2)
