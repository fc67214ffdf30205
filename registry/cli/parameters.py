"""Read plain texts and numbers without pydantic.

Typer hands every value to pydantic, whose import takes as long as typer and rich together. Texts,
whole numbers and paths need none of it; whatever else a command may ask for is left to typer.
"""

from functools import partial
from pathlib import Path
from typing import Any

import typer


def read_plainly(command: Any) -> None:
    """Read texts, flags, whole numbers and paths that `command` takes in our own way."""
    every_parameter = command.get_params

    def get_params(ctx: Any) -> Any:
        parameters = every_parameter(ctx)  # `--help` itself is among them here only
        for parameter in parameters:
            kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
            if kind in _READERS:
                parameter.get_runtime_param = partial(_READERS.__getitem__, kind)
        return parameters

    command.get_params = get_params


class _Texts:
    """Passes texts on; a list of them where a parameter takes several."""

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """What the command gets for what was typed."""
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        if several:
            return [self.one(item, param, ctx) for item in value]
        return self.one(value, param, ctx)

    def one(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read one value.

        Raises:
            typer.BadParameter: It came as bytes that are no text; nothing of ours is called so.
        """
        if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise typer.BadParameter("it is not readable as text", ctx=ctx, param=param)
        return value


class _Paths(_Texts):
    """Reads names of files; whatever bytes they have, for the system gave them so."""

    def one(self, value: Any, param: Any, ctx: Any) -> Path:  # noqa: ARG002 -- as the others
        """Read one name."""
        return Path(value)


class _WholeNumbers(_Texts):
    """Reads whole numbers and holds them to the parameter's bounds."""

    def one(self, value: Any, param: Any, ctx: Any) -> int:
        """Read one number.

        Raises:
            typer.BadParameter: It is none, or out of bounds.
        """
        try:
            number = int(value)
        except ValueError:
            said = f"{value!r} is not a whole number"
            raise typer.BadParameter(said, ctx=ctx, param=param) from None
        info = param.type_descriptor.parameter_info
        if info.min is not None and number < info.min:
            raise typer.BadParameter(f"{number} is less than {info.min}", ctx=ctx, param=param)
        if info.max is not None and number > info.max:
            raise typer.BadParameter(f"{number} is more than {info.max}", ctx=ctx, param=param)
        return number


# A flag arrives as a bool or, where it was not given, as None: there is nothing to read.
_READERS: dict[Any, _Texts] = {
    str: _Texts(),
    list[str]: _Texts(),
    bool: _Texts(),
    int: _WholeNumbers(),
    Path: _Paths(),
    list[Path]: _Paths(),
}
