"""What a pickle of a torch file may hold, and what is said about one that holds something else.

An allow-list: a name that does not stand here is refused, whatever it is. Every name here is
harmless even where somebody really imports and calls it; we do neither.
"""

from dataclasses import dataclass, field
from enum import StrEnum

MAX_OPERATIONS = 2_000_000
MAX_DEPTH = 64
MAX_STACK = 500_000
MAX_MEMO = 500_000
MAX_NODES = 300_000
MAX_KEYS_IN_PATHS = 3_000_000
MAX_TENSORS = 100_000
MAX_SIDES = 64
MAX_COUNT = 2**48  # elements of a side, a stride, a storage
MAX_KEY = 2**60  # whole numbers beyond hash to the same few values
MAX_REASONS = 20
# A view may repeat its bytes; what comes out must stay within reach of what went in.
MAX_GROWTH = 4
FREE_GROWTH_BYTES = 4 * 1024 * 1024


class Code(StrEnum):
    """Why a file is refused or cannot be read, for programs."""

    FORBIDDEN_NAME = "forbidden-name"
    FORBIDDEN_CALL = "forbidden-call"
    FORBIDDEN_OPERATION = "forbidden-operation"
    WHOLE_MODULE = "whole-module"
    TORCHSCRIPT = "torchscript"
    TAR_ARCHIVE = "tar-archive"
    NOT_REPRESENTABLE = "not-representable"
    BIG_ENDIAN = "big-endian"
    MALFORMED_PICKLE = "malformed-pickle"
    OVER_LIMIT = "over-limit"
    CYCLE = "cycle"
    SAME_PATH = "same-path"
    OUTSIDE_STORAGE = "outside-storage"
    WRONG_STORAGE = "wrong-storage"
    TRAILING_BYTES = "trailing-bytes"
    CUT_OFF = "cut-off"
    DISGUISED = "disguised"
    DAMAGED = "damaged"
    CANNOT_READ = "cannot-read"
    NOT_A_MODEL = "not-a-model"


# These say that nothing can be made of the bytes; the others, that something is not allowed.
_UNREADABLE = frozenset({Code.CUT_OFF, Code.DAMAGED, Code.CANNOT_READ, Code.NOT_A_MODEL})

_SENTENCES = {
    Code.FORBIDDEN_NAME: "it would import {name}",
    Code.FORBIDDEN_CALL: "it would call {name} in a way that no model needs",
    Code.FORBIDDEN_OPERATION: "it uses the operation {name}, which no model needs",
    Code.WHOLE_MODULE: "it holds a whole program object ({name}), not only weights; "
    "its author can publish the state_dict instead",
    Code.TORCHSCRIPT: "it is a TorchScript program, not a file of weights",
    Code.TAR_ARCHIVE: "it is a tar archive; torch has not written those since 2016",
    Code.NOT_REPRESENTABLE: "it holds {name}, which safetensors cannot hold",
    Code.BIG_ENDIAN: "its numbers are big-endian; it was made on a rare kind of machine",
    Code.MALFORMED_PICKLE: "its pickle makes no sense: {name}",
    Code.OVER_LIMIT: "it goes beyond what a model needs: {name}",
    Code.CYCLE: "it contains itself",
    Code.SAME_PATH: "two of its values have one name: {name}",
    Code.OUTSIDE_STORAGE: "a tensor reaches beyond its bytes: {name}",
    Code.WRONG_STORAGE: "the bytes of a tensor are not as the pickle says: {name}",
    Code.TRAILING_BYTES: "{name} follow where a torch file ends",
    Code.CUT_OFF: "it is cut off",
    Code.DISGUISED: "it calls itself safetensors, but it is a pickle",
    Code.DAMAGED: "it is damaged: {name}",
    Code.CANNOT_READ: "it cannot be read: {name}",
    Code.NOT_A_MODEL: "it is {name}, not a model file",
}


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """One thing that speaks against a file.

    Attributes:
        offset: The byte of the file at which it stands; inside a compressed member of a zip, the
            byte of its content. None if it stands nowhere in particular.
        code: What kind of thing.
        name: Which one: ``posix.system``, a dtype, an operation, or a few words.
    """

    offset: int | None
    code: Code
    name: str | None = None

    @property
    def sentence(self) -> str:
        """In words, as the end of "FILE is refused: …"."""
        where = "" if self.offset is None else f" (byte {self.offset:,})"
        return _SENTENCES[self.code].format(name=self.name) + where


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at a file found, with its reasons in the order in which they stand."""

    reasons: tuple[Reason, ...] = ()

    @property
    def word(self) -> str:
        """``clean``, ``refused`` or ``unreadable``."""
        if not self.reasons:
            return "clean"
        broken = all(reason.code in _UNREADABLE for reason in self.reasons)
        return "unreadable" if broken else "refused"


@dataclass(slots=True)
class Findings:
    """Reasons as they are found: the first of each kind and name, and not without end."""

    reasons: list[Reason] = field(default_factory=list)

    def add(self, code: Code, name: str | None, offset: int | None) -> None:
        """Write one down."""
        known = any((known.code, known.name) == (code, name) for known in self.reasons)
        if not known and len(self.reasons) < MAX_REASONS:
            self.reasons.append(Reason(offset, code, name))

    @property
    def verdict(self) -> Verdict:
        """All of them."""
        return Verdict(tuple(self.reasons))


# ── names ─────────────────────────────────────────────────────────────────────────────────────────

# Storage classes and dtypes of torch, and what safetensors calls their elements.
_ELEMENTS = {
    "Float": "F32",
    "Double": "F64",
    "Half": "F16",
    "BFloat16": "BF16",
    "Long": "I64",
    "Int": "I32",
    "Short": "I16",
    "Char": "I8",
    "Byte": "U8",
    "Bool": "BOOL",
    "ComplexFloat": "C64",
    "Untyped": "U8",
}
STORAGES = {
    **{
        f"{module}.{kind}Storage": dtype
        for kind, dtype in _ELEMENTS.items()
        for module in ("torch", "torch.cuda")
    },
    "torch.storage.UntypedStorage": "U8",
}
DTYPES = {
    "torch.float32": "F32",
    "torch.float": "F32",
    "torch.float64": "F64",
    "torch.double": "F64",
    "torch.float16": "F16",
    "torch.half": "F16",
    "torch.bfloat16": "BF16",
    "torch.int64": "I64",
    "torch.long": "I64",
    "torch.int32": "I32",
    "torch.int": "I32",
    "torch.int16": "I16",
    "torch.short": "I16",
    "torch.int8": "I8",
    "torch.uint8": "U8",
    "torch.uint16": "U16",
    "torch.uint32": "U32",
    "torch.uint64": "U64",
    "torch.bool": "BOOL",
    "torch.complex64": "C64",
    "torch.cfloat": "C64",
    "torch.float8_e4m3fn": "F8_E4M3",
    "torch.float8_e5m2": "F8_E5M2",
    "torch.float8_e8m0fnu": "F8_E8M0",
    "torch.float8_e4m3fnuz": "F8_E4M3FNUZ",
    "torch.float8_e5m2fnuz": "F8_E5M2FNUZ",
}
ELEMENT_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F8_E8M0": 1,
    "F8_E4M3FNUZ": 1,
    "F8_E5M2FNUZ": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
    "C64": 8,
}

# Weights that are honest, but of a kind that no safetensors file can hold.
NOT_REPRESENTABLE = {
    **{
        f"{module}.{kind}Storage": f"quantised tensors (torch.{kind}Storage)"
        for kind in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")
        for module in ("torch", "torch.cuda")
    },
    **{
        f"{module}.ComplexDoubleStorage": "complex128 numbers (torch.ComplexDoubleStorage)"
        for module in ("torch", "torch.cuda")
    },
    **{
        f"torch.{name}": f"numbers of the type torch.{name}"
        for name in (
            *("complex128", "cdouble", "complex32", "chalf", "float4_e2m1fn_x2"),
            *("qint8", "quint8", "qint32", "quint4x2", "quint2x4"),
            *(f"{kind}{bits}" for kind in ("int", "uint") for bits in range(1, 8)),
            *("bits8", "bits16", "bits1x8", "bits2x4", "bits4x2"),
        )
    },
    **{
        f"torch._utils.{name}": f"{what} (torch._utils.{name})"
        for name, what in (
            ("_rebuild_qtensor", "quantised tensors"),
            ("_rebuild_sparse_tensor", "sparse tensors"),
            ("_rebuild_nested_tensor", "nested tensors"),
            ("_rebuild_meta_tensor_no_storage", "tensors without bytes"),
            ("_rebuild_wrapper_subclass", "tensors of a class of its own"),
            ("_rebuild_device_tensor_from_numpy", "tensors of a special device"),
            ("_rebuild_device_tensor_from_cpu_tensor", "tensors of a special device"),
            ("_rebuild_xla_tensor", "tensors of a special device"),
        )
    },
}

_NUMPY = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
# What may be made of data alone: `calls.py` says what each of them comes to.
CALLED = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "collections.Counter",
        *(f"builtins.{n}" for n in ("dict", "list", "tuple", "set", "frozenset")),
        *(f"builtins.{n}" for n in ("bytes", "bytearray", "complex", "slice", "range")),
        "_codecs.encode",
        "copyreg._reconstructor",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state",
        "torch._tensor._rebuild_from_type",
        "torch._tensor._rebuild_from_type_v2",
        "torch.nn.parameter.Parameter",
        "torch.nn.parameter.Buffer",
        "torch.Size",
        "torch.device",
        "torch.serialization._get_layout",
        "torch.torch_version.TorchVersion",
        *(f"{module}.scalar" for module in _NUMPY[1:]),
        *(f"{module}._reconstruct" for module in _NUMPY[1:]),
        "numpy.dtype",
        *(f"pathlib.{kind}Path" for kind in ("", "Pure", "Posix", "Windows", "PurePosix")),
        "pathlib.PureWindowsPath",
        *(f"datetime.{n}" for n in ("date", "datetime", "time", "timedelta", "timezone")),
    }
)
# What may be made without calling anything, and then be given its attributes: bare data.
_CALLBACKS = {
    "model_checkpoint": ("ModelCheckpoint",),
    "early_stopping": ("EarlyStopping",),
    "lr_monitor": ("LearningRateMonitor",),
    "lambda_function": ("LambdaCallback",),
    "timer": ("Timer",),
    "gradient_accumulation_scheduler": ("GradientAccumulationScheduler",),
    "stochastic_weight_avg": ("StochasticWeightAveraging",),
    "weight_averaging": ("WeightAveraging", "EMAWeightAveraging"),
    "model_summary": ("ModelSummary",),
    "rich_model_summary": ("RichModelSummary",),
    "device_stats_monitor": ("DeviceStatsMonitor",),
    "gpu_stats_monitor": ("GPUStatsMonitor",),
    "xla_stats_monitor": ("XLAStatsMonitor",),
    "finetuning": ("BaseFinetuning", "BackboneFinetuning"),
    "progress": ("ProgressBar",),
    "progress.base": ("ProgressBar", "ProgressBarBase"),
    "progress.progress_bar": ("ProgressBar",),
    "progress.tqdm_progress": ("TQDMProgressBar",),
    "progress.rich_progress": ("RichProgressBar",),
}
SHELLS = frozenset(
    {
        "argparse.Namespace",
        "types.SimpleNamespace",
        "builtins.object",
        *(
            f"{library}.callbacks.{module}.{name}"
            for library in ("pytorch_lightning", "lightning.pytorch")
            for module, names in _CALLBACKS.items()
            for name in names
        ),
        "pytorch_lightning.utilities.parsing.AttributeDict",
        "lightning_fabric.utilities.data.AttributeDict",
        "lightning.fabric.utilities.data.AttributeDict",
        "omegaconf.dictconfig.DictConfig",
        "omegaconf.listconfig.ListConfig",
        "omegaconf.base.Metadata",
        "omegaconf.base.ContainerMetadata",
        *(f"omegaconf.nodes.{n}Node" for n in ("Any", "String", "Integer", "Float", "Boolean")),
        "collections.OrderedDict",
        "numpy.ndarray",
    }
)
# What may only be named.
NAMED = frozenset(
    {
        *STORAGES,
        *DTYPES,
        *(f"builtins.{n}" for n in ("object", "int", "float", "str", "bool")),
        "typing.Any",
        "torch.Tensor",
        "torch.strided",
        "torch.contiguous_format",
        "torch.preserve_format",
        "torch.channels_last",
        *(f"numpy.{n}" for n in ("bool_", "float16", "float32", "float64")),
        *(f"numpy.{n}" for n in ("int8", "int16", "int32", "int64", "uint8")),
    }
)
ALLOWED = CALLED | SHELLS | NAMED

# The same things under the names of older Pythons and torches.
_OLD_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg", "pathlib._local": "pathlib"}


def full_name(module: str, name: str) -> str:
    """The dotted name as it is called today.

    Example:
        >>> full_name("__builtin__", "set")
        'builtins.set'
    """
    return f"{_OLD_MODULES.get(module, module)}.{name}"


def is_module_class(name: str) -> bool:
    """Whether a name is that of a piece of network: somebody saved the program with the weights."""
    return name.startswith(("torch.nn.modules.", "torchvision.models.", "diffusers.models."))
