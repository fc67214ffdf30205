"""What a hub said and the file is not: told at install, kept, and corrected where it can be."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save

from registry.api import Registry
from registry.demo import torch_zip
from registry.demo.hub import EmbeddedHub, HostedFile
from registry.demo.shapes import embedding
from registry.domain.variant import Precision
from registry.operations.compare import claim_of
from registry.settings import Settings

WEIGHTS = {name: np.ones(shape, np.float32) for name, shape in embedding().items()}
CLAIMED = {"fp": "fp16", "size": "full", "format": "SafeTensor"}  # as Civitai says of EasyNegative


@pytest.fixture
def hubs(tmp_path):
    path = tmp_path / "pickled.pt"
    torch_zip.write_checkpoint(path, WEIGHTS)
    files = [
        HostedFile(
            save(WEIGHTS),
            "negative.safetensors",
            civitai=(901, 902, 903),
            type="TextualInversion",
            base_model="SD 1.5",
            metadata=CLAIMED,
        ),
        HostedFile(
            path.read_bytes(),
            "pickled.pt",
            civitai=(911, 912, 913),
            type="Checkpoint",
            base_model="SDXL 1.0",
            metadata={**CLAIMED, "format": "PickleTensor"},
        ),
    ]
    with EmbeddedHub(files) as running:
        yield running


@pytest.fixture
def registry(tmp_path, hubs):
    return Registry(
        Settings(home=tmp_path / "home", civitai_url=hubs.address, hf_endpoint=hubs.address)
    )


def stored(registry, slug):
    (file,) = registry.show(slug).versions[0].files
    return file


def test_a_wrong_precision_is_told_and_corrected_from_the_header(registry):
    (done,) = registry.install("civitai:901").files
    file = stored(registry, "civitai-901")

    assert done.notes == ("published as fp16, but its content is fp32",)
    assert done.file.variant.precision is Precision.FP32
    assert file.variant.precision is Precision.FP32
    assert file.contradictions == done.notes
    (exported,) = (m for m in registry.catalog_export()["models"] if m["slug"] == "civitai-901")
    (row,) = exported["versions"][0]["files"]
    assert (row["precision"], row["precision_basis"]) == ("fp32", "header")


def test_the_header_is_believed_over_the_hub_whenever_that_is_asked_again(registry):
    registry.install("civitai:901")
    registry.refresh(["civitai-901"])

    assert stored(registry, "civitai-901").variant.precision is Precision.FP32


def test_installing_again_tells_nothing_twice(registry):
    registry.install("civitai:901")
    registry.remove("civitai-901")
    (done,) = registry.install("civitai:901").files

    assert done.notes == ()
    assert len(stored(registry, "civitai-901").contradictions) == 1


def test_the_same_bytes_from_the_disk_are_compared_too(registry):
    (done,) = registry.install("civitai:901").files
    registry.catalog.installs.remove(done.install.id)
    with registry.catalog.models._database.transaction() as transaction:
        transaction.run("UPDATE files SET precision = 'bf16', precision_basis = NULL")

    (again,) = registry.install("civitai:901").files

    assert again.status == "linked"
    assert again.notes == ("published as bf16, but its content is fp32",)


def test_the_base_is_that_of_the_files_own_version(registry):
    registry.install("civitai:901")
    model = registry.show("civitai-901")
    (version,) = model.versions
    (file,) = version.files
    another = replace(model, base="sdxl", versions=(replace(version, base_model="SD 1.5"),))

    assert claim_of(another, file).base == "sd1"
    silent = replace(model, base="sdxl", versions=(replace(version, base_model=None),))
    assert claim_of(silent, file).base == "sdxl"
    odd = replace(model, base="sdxl", versions=(replace(version, base_model="Betamax"),))
    assert claim_of(odd, file).base == "sdxl"


def test_a_pickle_is_compared_without_running_it(registry):
    wish = registry.wish(allow_pickle=True)
    (done,) = registry.install(registry.plan_install("civitai:911", wish)).files

    assert done.notes[-3:] == (
        "published as checkpoint, but its content is embedding",
        "published as sdxl, but its content is sd1",
        "published as fp16, but its content is fp32",
    )
    assert stored(registry, "civitai-911").contradictions == done.notes[-3:]
