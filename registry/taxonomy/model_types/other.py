"""Whatever has no type of its own: poses, wildcards, workflows, kinds of tomorrow."""

from registry.taxonomy.kind import ModelType

TYPE = ModelType(
    name="other",
    title="Other",
    labels={
        "civitai": frozenset(
            {"AestheticGradient", "Poses", "Wildcards", "Workflows", "Detection", "Other"}
        ),
        "air": frozenset({"ag", "other"}),
    },
)
