"""A choice in sentences."""

from registry.domain.hashes import Hashes
from registry.domain.model import FileRole
from registry.domain.variant import FileFormat
from registry.resolve.choose import choose
from registry.resolve.companions import companions
from registry.resolve.explain import explain
from registry.resolve.preference import Preference
from tests.factories import make_file, make_model, make_variant, make_version


def test_the_choice_and_every_rejection_are_told():
    taken = make_file(name="good.safetensors", id=7)
    pickle = make_file(
        name="bad.ckpt", id=8, variant=make_variant(format=FileFormat.PICKLE), hashes=Hashes()
    )
    vae = make_file(name="vae.pt", id=9, role=FileRole.VAE)
    model = make_model(versions=(make_version(name="v1", files=(taken, pickle, vae)),))

    assert "\n".join(explain(choose(model, Preference()))) == (
        "anything-v3: good.safetensors (id 7) of v1\n"
        "  It is safetensors, which cannot run code.\n"
        "  Its weights are fp16.\n"
        "  It is pruned: only what making pictures needs.\n"
        "  Its SHA-256 is known beforehand, so the download can be proven.\n"
        "not taken:\n"
        "  bad.ckpt (id 8) of v1: a pickle can run code when it is opened, and no known hash "
        "vouches for this one\n"
        "  vae.pt (id 9) of v1: it is a VAE, not the model itself"
    )


def test_nothing_that_fits_is_told_too():
    model = make_model(versions=())

    assert explain(choose(model, Preference())) == ("anything-v3: no file fits",)


def test_a_configuration_of_the_same_name_comes_along_and_no_other():
    chosen = make_file(name="wd-1-4.ckpt")
    mine = make_file(name="WD-1-4.yaml", role=FileRole.CONFIG)
    other = make_file(name="else.yaml", role=FileRole.CONFIG)
    unreachable = make_file(name="wd-1-4.yaml", role=FileRole.CONFIG, sources=())
    version = make_version(files=(chosen, mine, other, unreachable))

    assert companions(version, chosen) == (mine,)
