"""Whatever shape an answer has, reading it ends in a model, in nothing, or in an error of ours."""

from huggingface_hub import ModelInfo
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.model import Model
from registry.hubs.civitai_answers import model_of, model_of_version, narrowed
from registry.hubs.huggingface_answers import model_of as model_of_repo
from registry.hubs.huggingface_library import GARBAGE
from registry.hubs.huggingface_repo import repo_of

WORDS = ["66", "Checkpoint", "SafeTensor", "fp16", "{A,B}", "ab" * 32, "a/b.ckpt", "\ud800\x00"]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
)
KEYS = st.sampled_from(["format", "fp", "size", "SHA256", "AutoV3", "username", "license", "tags"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)


def objects(*names, **sane):
    """Objects with some sane fields, and anything under the other names."""
    return st.fixed_dictionaries(sane, optional=dict.fromkeys(names, JSON))


def lists_of(items):
    return st.lists(items, max_size=3) | JSON


NUMBERS = st.integers(0, 9) | JSON
FILES = objects("name", "type", "metadata", "sizeKB", "hashes", "primary", "virusScanResult",
                id=NUMBERS)  # fmt: skip
VERSIONS = objects("name", "trainedWords", "baseModel", "usageControl", "availability", "model",
                   id=NUMBERS, modelId=NUMBERS, files=lists_of(FILES))  # fmt: skip
MODELS = objects("name", "type", "creator", "allowCommercialUse", "nsfw", "mode",
                 id=NUMBERS, modelVersions=lists_of(VERSIONS))  # fmt: skip
PATHS = st.sampled_from(["vae/a.ckpt", "a.vae.pt", ".x", "a", "a/.b", "x.", "../x.pt"]) | JSON
SIBLINGS = objects("size", rfilename=PATHS,
                   lfs=st.none() | objects(sha256=JSON, size=JSON, pointerSize=JSON))  # fmt: skip
REPOS = objects("tags", "cardData", "config", "sha", "author", "gated", "disabled", "library_name",
                id=st.just("a/b") | JSON, siblings=lists_of(SIBLINGS))  # fmt: skip


@given(MODELS | VERSIONS)
def test_any_answer_of_civitai_is_a_model_or_nothing(answer):
    for found in (model_of(answer, "https://x"), model_of_version(answer, "https://x")):
        assert found is None or isinstance(found, Model)
        if found is not None:
            assert str(found).encode()
            narrowed(found, version="1", file="2")


@given(REPOS)
def test_any_answer_of_hugging_face_is_a_model_or_an_error_that_we_expect(answer):
    try:
        repo = repo_of(ModelInfo(**answer))
    except GARBAGE:
        return
    model = model_of_repo(repo, "https://x", revision=None, path=None)
    assert str(model).encode()
