"""Which file is taken, and what is said about the others."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.hashes import Hashes
from registry.domain.model import FileRole
from registry.domain.variant import FileFormat, Precision, Pruning
from registry.resolve.candidate import Reason
from registry.resolve.choose import choose
from registry.resolve.preference import Preference
from tests.factories import make_file, make_model, make_source, make_variant, make_version


def chosen_of(*files, wish=None, **model):
    choice = choose(
        make_model(versions=(make_version(files=files),), **model), wish or Preference()
    )
    return choice.chosen.file if choice.chosen else None


def reasons_of(*files, wish=None, **model):
    choice = choose(
        make_model(versions=(make_version(files=files),), **model), wish or Preference()
    )
    return {no.file.name: no.reason for no in choice.rejected}


SAFE = make_file(name="safe.safetensors")


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(
            make_file(name="b.safetensors", variant=make_variant(precision=Precision.FP32)),
            make_file(name="w.ckpt", variant=make_variant(format=FileFormat.PICKLE)),
            id="safetensors before a pickle, whatever else the pickle offers",
        ),
        pytest.param(
            make_file(name="b.safetensors", variant=make_variant(pruning=Pruning.FULL)),
            make_file(name="w.safetensors", variant=make_variant(precision=Precision.FP32)),
            id="fp16 before fp32, even if the fp32 one is pruned",
        ),
        pytest.param(
            make_file(name="b.safetensors", variant=make_variant(precision=None)),
            make_file(name="w.safetensors", variant=make_variant(precision=Precision.FP8)),
            id="an unstated precision before a quantised one",
        ),
        pytest.param(
            make_file(name="b.safetensors", variant=make_variant(pruning=Pruning.EMA_ONLY)),
            make_file(name="w.safetensors", variant=make_variant(pruning=Pruning.FULL)),
            id="EMA-only before full",
        ),
        pytest.param(
            make_file(name="b.safetensors", size_bytes=9),
            make_file(name="w.safetensors", size_bytes=8, hashes=Hashes()),
            id="a known hash before none, even if larger",
        ),
        pytest.param(
            make_file(name="b.safetensors", size_bytes=8),
            make_file(name="w.safetensors", size_bytes=9),
            id="smaller before larger",
        ),
        pytest.param(
            make_file(name="b.safetensors", size_bytes=8),
            make_file(name="w.safetensors", size_bytes=None),
            id="a known size before an unknown one",
        ),
        pytest.param(
            make_file(name="b.ckpt", variant=make_variant(format=FileFormat.PICKLE)),
            make_file(name="w.safetensors", sources=()),
            id="what can be fetched before what nobody offers",
        ),
        pytest.param(
            make_file(name="b.safetensors", size_bytes=9),
            make_file(name="w.safetensors", gone_since=datetime(2026, 1, 1, tzinfo=UTC)),
            id="what is there before what is gone",
        ),
    ],
)
def test_the_better_file_wins_whichever_stands_first(better, worse):
    assert chosen_of(better, worse) is better
    assert chosen_of(worse, better) is better
    assert reasons_of(better, worse)[worse.name] is Reason.OUTRANKED


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (make_file(name="a.zip", variant=make_variant(format=FileFormat.ZIP)), Reason.ARCHIVE),
        (make_file(name="a.zip", role=FileRole.TRAINING_DATA), Reason.WRONG_ROLE),
        (make_file(name="a.yaml", role=FileRole.CONFIG), Reason.WRONG_ROLE),
        (make_file(name="a.vae.pt", role=FileRole.VAE), Reason.WRONG_ROLE),
        (make_file(name="a.safetensors", inpainting=True), Reason.INPAINTING),
        (
            make_file(name="a", variant=make_variant(format=FileFormat.DIFFUSERS)),
            Reason.SEVERAL_FILES,
        ),
        (make_file(name="a.safetensors", sources=(), hashes=Hashes()), Reason.NO_SOURCE),
        (
            make_file(
                name="a.ckpt", variant=make_variant(format=FileFormat.PICKLE), hashes=Hashes()
            ),
            Reason.UNSAFE_FORMAT,
        ),
    ],
)
def test_what_is_no_model_is_rejected_with_its_reason_even_alone(file, reason):
    assert chosen_of(file) is None
    assert reasons_of(file) == {file.name: reason}


def test_a_pickle_that_a_hash_vouches_for_is_the_last_resort():
    pickle = make_file(name="only.ckpt", variant=make_variant(format=FileFormat.PICKLE))

    assert chosen_of(pickle) is pickle


def test_an_unproven_pickle_is_taken_when_the_user_says_so():
    pickle = make_file(
        name="only.ckpt", variant=make_variant(format=FileFormat.PICKLE), hashes=Hashes()
    )

    assert chosen_of(pickle, wish=Preference(allow_pickle=True)) is pickle


def test_a_vae_is_the_model_where_the_model_is_a_vae():
    vae = make_file(name="v.safetensors", role=FileRole.VAE)

    assert chosen_of(vae, type="vae") is vae


def test_the_negative_twin_stands_in_only_where_nothing_else_is_there():
    negative = make_file(name="n.pt", role=FileRole.NEGATIVE)
    main = make_file(name="m.pt")

    assert chosen_of(negative, type="embedding") is negative
    assert chosen_of(negative, main, type="embedding") is main


def test_a_bare_diffusion_model_loses_to_a_whole_checkpoint_of_lower_precision():
    bare = make_file(name="bare.safetensors", role=FileRole.DIFFUSION_MODEL)
    whole = make_file(name="whole.safetensors", variant=make_variant(precision=Precision.FP8))

    assert chosen_of(bare, whole) is whole


def test_prefer_full_and_format_turn_the_choice():
    small = make_file(name="s.safetensors")
    large = make_file(
        name="l.safetensors", variant=make_variant(precision=Precision.FP32, pruning=Pruning.FULL)
    )
    pickle = make_file(name="p.ckpt", variant=make_variant(format=FileFormat.PICKLE))
    files = (small, large, pickle)

    assert chosen_of(*files, wish=Preference(precision=Precision.FP32)) is large
    assert chosen_of(*files, wish=Preference(full=True, precision=Precision.FP32)) is large
    assert chosen_of(*files, wish=Preference(format=FileFormat.PICKLE)) is pickle
    assert chosen_of(*files, wish=Preference(max_bytes=1)) is None


def test_two_files_of_one_name_are_told_apart_by_id():
    pruned = make_file(id=1, hub_file_id="11")
    full = make_file(id=2, hub_file_id="12", variant=make_variant(pruning=Pruning.FULL))

    assert chosen_of(pruned, full, wish=Preference(file="12")) is full
    assert chosen_of(pruned, full, wish=Preference(file="11")) is pruned


def test_a_file_can_be_asked_for_by_the_begin_of_its_hash_and_even_if_it_is_a_vae():
    vae = make_file(name="v.pt", role=FileRole.VAE)

    assert chosen_of(SAFE, vae, wish=Preference(file=vae.hashes.sha256[:10].upper())) is vae


def test_a_version_is_asked_for_by_name_or_id():
    old = make_version(name="v1", hub_version_id="1", files=(make_file(name="old.safetensors"),))
    new = make_version(name="v2", hub_version_id="2", files=(make_file(name="new.safetensors"),))
    model = make_model(versions=(new, old))

    assert choose(model, Preference(version="V1")).chosen.version is old
    assert choose(model, Preference(version="2")).chosen.version is new
    assert choose(model, Preference(version="v3")).chosen is None


def test_the_versions_of_a_hub_are_releases_and_the_newest_that_has_a_file_decides():
    broken = make_version(name="v3", files=(make_file(role=FileRole.TRAINING_DATA),))
    new = make_version(
        name="v2", files=(make_file(name="n", variant=make_variant(precision=Precision.FP32)),)
    )
    old = make_version(name="v1", files=(make_file(name="o"),))
    versions = (broken, new, old)

    assert (
        choose(make_model(versions=versions, origin="civitai"), Preference()).chosen.version is new
    )
    assert choose(make_model(versions=versions, origin="seed"), Preference()).chosen.version is old


formats = st.sampled_from(list(FileFormat))
variants = st.builds(
    make_variant,
    format=formats,
    precision=st.sampled_from([None, *Precision]),
    pruning=st.sampled_from([None, *Pruning]),
)
files = st.builds(
    make_file,
    name=st.sampled_from(["a.safetensors", "b.ckpt", "c"]),
    role=st.sampled_from(list(FileRole)),
    variant=variants,
    size_bytes=st.none() | st.integers(0, 10**11),
    hashes=st.sampled_from([Hashes(), make_file().hashes]),
    sources=st.sampled_from([(), (make_source(),)]),
    inpainting=st.booleans(),
)


@given(st.lists(files, max_size=6), st.sampled_from(["checkpoint", "vae", "lora", "odd"]))
def test_every_file_is_either_chosen_or_rejected_with_a_sentence(pool, kind):
    choice = choose(
        make_model(type=kind, versions=(make_version(files=tuple(pool)),)), Preference()
    )

    assert len(choice.rejected) + (choice.chosen is not None) == len(pool)
    assert all(no.because and not no.because.endswith(".") for no in choice.rejected)


@given(
    st.permutations([make_file(name=f"{n}.safetensors", size_bytes=n, id=n) for n in range(1, 6)])
)
def test_the_order_in_which_files_are_listed_does_not_matter(pool):
    assert chosen_of(*pool).size_bytes == 1


def test_a_version_for_another_base_is_not_taken_unless_it_is_asked_for():
    other = make_version(
        name="For 2.1", base_model="SD 2.1", files=(make_file(name="small.pt", size_bytes=1),)
    )
    mine = make_version(name="For 1.5", base_model="SD 1.5", files=(make_file(name="mine.pt"),))
    odd = make_version(name="odd", base_model="Some Mix", files=(make_file(name="odd.pt"),))
    model = make_model(base="sd1", versions=(other, mine, odd))

    choice = choose(model, Preference())

    assert choice.chosen.version is mine
    assert choice.rejected[0].reason is Reason.OTHER_BASE
    assert choice.rejected[0].because == ("For 2.1 is made for SD 2.1; ask for it with --version")
    assert choose(model, Preference(version="For 2.1")).chosen.version is other


@pytest.mark.parametrize(
    ("base", "label"),
    [("sdxl", "SDXL Turbo"), ("sdxl-pony", "Pony"), ("sd1+sdxl", "SDXL 1.0"), ("sd1", "SD 1.4")],
)
def test_a_lineage_belongs_to_its_base(base, label):
    version = make_version(base_model=label)

    assert choose(make_model(base=base, versions=(version,)), Preference()).chosen is not None


def test_full_that_is_asked_for_decides_before_a_precision_that_nobody_asked_for():
    pruned = make_file(name="pruned.safetensors", id=1)
    full = make_file(
        name="full.safetensors",
        id=2,
        variant=make_variant(precision=Precision.FP32, pruning=Pruning.FULL),
    )

    choice = choose(
        make_model(versions=(make_version(files=(pruned, full)),)), Preference(full=True)
    )

    assert choice.chosen.file is full
    assert choice.rejected[0].because == "it is pruned, and full is preferred"
