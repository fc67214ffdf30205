"""Hypernetworks: small networks between text and painting; they exist only as pickles.

Their keys are numbers (320, 640, 768 …), so a safetensors file of one would have to rename them;
only hubs and people name this type until a pickle can be read.
"""

from registry.taxonomy.kind import ModelType

TYPE = ModelType(
    name="hypernetwork",
    title="Hypernetwork",
    labels={
        "civitai": frozenset({"Hypernetwork"}),
        "huggingface": frozenset({"hypernetwork"}),
        "air": frozenset({"hypernet"}),
    },
    aliases=frozenset({"hyper", "hypernet"}),
    extensions=(".pt",),
)
