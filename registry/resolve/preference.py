"""What the user, the settings and the device would like to have."""

from dataclasses import dataclass

from registry.domain.variant import FileFormat, Precision, Pruning

# None stands for a precision that nobody states: likelier fp16 than not, so before fp32; what is
# quantised below that is taken only when it is asked for or alone.
DEFAULT_PRECISIONS: tuple[Precision | None, ...] = (
    Precision.FP16,
    Precision.BF16,
    None,
    Precision.FP32,
    Precision.FP8,
    Precision.INT8,
    Precision.NF4,
    Precision.INT4,
)


@dataclass(frozen=True, slots=True)
class Preference:
    """The wish that files are measured by.

    Attributes:
        precision: Wished first; the others follow in the order of `DEFAULT_PRECISIONS`.
        full: Take the full weights before the pruned ones (for training).
        format: Only this format.
        allow_pickle: Take a pickle even if no hash vouches for its bytes.
        file: Only the file with this id, name or hash.
        version: Only the version with this name or id.
        max_bytes: Nothing larger.

    Example:
        >>> [str(p) for p in Preference(precision=Precision.FP32).precisions()[:3]]
        ['fp32', 'fp16', 'bf16']
    """

    precision: Precision | None = None
    full: bool = False
    format: FileFormat | None = None
    allow_pickle: bool = False
    file: str | None = None
    version: str | None = None
    max_bytes: int | None = None

    def precisions(self) -> tuple[Precision | None, ...]:
        """Precisions, best first."""
        if self.precision is None:
            return DEFAULT_PRECISIONS
        rest = (known for known in DEFAULT_PRECISIONS if known is not self.precision)
        return (self.precision, *rest)

    def prunings(self) -> tuple[Pruning | None, ...]:
        """Prunings, best first; pruned and EMA-only serve an image equally well."""
        if self.full:
            return (Pruning.FULL, None, Pruning.PRUNED, Pruning.EMA_ONLY)
        return (Pruning.PRUNED, Pruning.EMA_ONLY, None, Pruning.FULL)
