"""Hypernetworks: small networks between text and painting; they exist only as pickles.

Their keys are the widths at which they step in, each with a pair of networks: for the keys and for
the values of the attention. The first ones call their layers `linear1` and `linear2`.
"""

import re

from registry.taxonomy.evidence import Evidence
from registry.taxonomy.kind import ModelType

_LAYER = re.compile(r"(?:320|640|768|1024|1280|2048)\.[01]\.linear(?:\.\d+|[12])\.(?:weight|bias)")


def _matches(evidence: Evidence) -> str | None:
    layers = [name for name in evidence.shapes if _LAYER.fullmatch(name)]
    if layers and len(layers) == len(evidence.shapes):
        return f"it holds pairs of networks under the widths of the attention ({layers[0]})"
    return None


TYPE = ModelType(
    name="hypernetwork",
    title="Hypernetwork",
    labels={
        "civitai": frozenset({"Hypernetwork"}),
        "huggingface": frozenset({"hypernetwork"}),
        "air": frozenset({"hypernet"}),
    },
    aliases=frozenset({"hyper", "hypernet"}),
    matches=_matches,
    asked=25,
    extensions=(".pt",),
)
