"""What only a deep audit asks: do the bytes, right as they are, make a sound file of weights?"""

import zipfile
from dataclasses import replace

from registry.domain.audit import Finding, FindingKind
from registry.domain.install import Install
from registry.domain.progress import Progress
from registry.domain.variant import FileFormat
from registry.errors import FormatError, UnsafeFile
from registry.formats.readable import readable
from registry.formats.torch_file import check_torch_zip
from registry.operations.look import look
from registry.taxonomy.lookup import UNKNOWN


def unsound(well: Finding, install: Install, progress: Progress) -> Finding | None:
    """What is wrong with a file of which every byte is as it was stored; None if nothing is.

    Structure, the checksums of zip containers, and of safetensors files every weight: none that is
    no number, no part that a checkpoint must have missing.

    Args:
        well: What the audit found.
        install: What it is installed as.
        progress: Hears of every byte.
    """
    from registry.smoke.weights import check_keys, check_weights  # noqa: PLC0415 -- brings numpy

    reasons: list[str] = []
    try:
        with readable(well.path) as source:
            seen = look(replace(source, name=install.file_name), path=well.path)
            if zipfile.is_zipfile(well.path):
                check_torch_zip(well.path)
            if seen.format is FileFormat.SAFETENSORS and seen.index is not None:
                kind = seen.identity.model_type
                kind = kind if kind != UNKNOWN else install.model_type
                progress.begin(f"looking at the weights of {install.file_name}", source.size_bytes)
                found = check_weights(source, seen.index, kind, progress.advance)
                progress.end()
                reasons += [each.message for each in (*check_keys(seen.index, kind), *found)]
    except (FormatError, UnsafeFile) as error:
        reasons.append(str(error))
    if not reasons:
        return None
    message = f"as it was stored, but not sound: {'; '.join(reasons)}"
    return replace(well, kind=FindingKind.UNSOUND, message=message)
