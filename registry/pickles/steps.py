"""What each operation of a pickle does to the stack, when nothing may be imported or called.

Every step works as its namesake in Lib/pickle.py's `_Unpickler`, except that a name stays a name
and a call becomes a description of its outcome.
"""

from collections.abc import Callable
from typing import Final

from registry.pickles.calls import outcome
from registry.pickles.opcodes import Argument
from registry.pickles.policy import (
    ALLOWED,
    CALLED,
    NOT_REPRESENTABLE,
    SHELLS,
    Code,
    full_name,
    is_module_class,
)
from registry.pickles.stack import Stack
from registry.pickles.values import UNKNOWN, Name, Record, Refused, Tensor, Unknown, usable_key

Step = Callable[[Stack, Argument], None]
_LONGEST_NAME = 200
# What a call costs, in plain operations.
_CALL = 4
_TEXT_PER_OPERATION = 16


def _nothing(stack: Stack, argument: Argument) -> None:
    """PROTO, FRAME, STOP: they were checked where they were read."""


# ── values ────────────────────────────────────────────────────────────────────────────────────────


def _push(stack: Stack, argument: Argument) -> None:
    stack.push(argument)


def _constant(make: Callable[[], object]) -> Step:
    def step(stack: Stack, _: Argument) -> None:
        stack.push(make())

    return step


def _mark(stack: Stack, _: Argument) -> None:
    stack.mark()


def _drop(stack: Stack, _: Argument) -> None:
    stack.drop()


def _drop_to_mark(stack: Stack, _: Argument) -> None:
    stack.pop_to_mark()


def _again(stack: Stack, _: Argument) -> None:
    stack.push(stack.top)


def _remember(stack: Stack, argument: Argument) -> None:
    stack.remember(argument)


def _recall(stack: Stack, argument: Argument) -> None:
    stack.recall(argument)


def _dictionary(stack: Stack, _: Argument) -> None:
    items = stack.pop_to_mark()
    made: dict[object, object] = {}
    _fill(stack, made, items)
    stack.push(made)


def _list(stack: Stack, _: Argument) -> None:
    stack.push(stack.pop_to_mark())


def _tuple(stack: Stack, _: Argument) -> None:
    stack.push(tuple(stack.pop_to_mark()))


def _tuple_of(count: int) -> Step:
    def step(stack: Stack, _: Argument) -> None:
        items = [stack.pop() for _each in range(count)]
        stack.push(tuple(reversed(items)))

    return step


def _append(stack: Stack, _: Argument) -> None:
    _extend(stack, [stack.pop()])


def _appends(stack: Stack, _: Argument) -> None:
    _extend(stack, stack.pop_to_mark())


def _extend(stack: Stack, items: list[object]) -> None:
    target = stack.top
    if isinstance(target, list):
        target.extend(items)
    elif isinstance(target, Record):
        target.items.update(enumerate(items, len(target.items)))
    elif not isinstance(target, Unknown):
        stack.broken("it appends to what is no list")


def _set_item(stack: Stack, _: Argument) -> None:
    value, key = stack.pop(), stack.pop()
    _fill(stack, stack.top, [key, value])


def _set_items(stack: Stack, _: Argument) -> None:
    items = stack.pop_to_mark()
    _fill(stack, stack.top, items)


def _fill(stack: Stack, target: object, items: list[object]) -> None:
    if isinstance(target, Record):
        target = target.items
    elif isinstance(target, Unknown):
        return
    if not isinstance(target, dict):
        stack.broken("it sets an item of what is no dictionary")
    if len(items) % 2:
        stack.broken("a key has no value")
    for at in range(0, len(items), 2):
        if isinstance(items[at], Unknown):
            continue
        try:
            target[usable_key(items[at])] = items[at + 1]
        except Refused as refused:
            stack.findings.add(refused.code, refused.name, stack.at_byte)


# ── names and calls ───────────────────────────────────────────────────────────────────────────────


def _global(stack: Stack, argument: Argument) -> None:
    if not isinstance(argument, tuple):
        stack.broken("a name is no text")
    stack.push(_named(*argument))


def _stack_global(stack: Stack, _: Argument) -> None:
    name, module = stack.pop(), stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        stack.broken("a name is no text")
    stack.push(_named(module, name))


def _named(module: str, name: str) -> Name:
    full = full_name(module, name)
    if "." not in name and full in ALLOWED:
        return Name(full)
    if full in NOT_REPRESENTABLE:
        raise Refused(Code.NOT_REPRESENTABLE, NOT_REPRESENTABLE[full])
    code = Code.WHOLE_MODULE if is_module_class(full) else Code.FORBIDDEN_NAME
    raise Refused(code, full[:_LONGEST_NAME])


def _reduce(stack: Stack, _: Argument) -> None:
    arguments, function = stack.pop(), stack.pop()
    stack.push(_called(stack, function, arguments))


def _new_object(stack: Stack, _: Argument) -> None:
    arguments, kind = stack.pop(), stack.pop()
    if isinstance(kind, Name) and kind.full in SHELLS - CALLED and arguments == ():
        stack.spend(_CALL)
        stack.push(Record(kind.full))
    else:
        stack.push(_called(stack, kind, arguments))


def _called(stack: Stack, function: object, arguments: object) -> object:
    if isinstance(function, Unknown) or isinstance(arguments, Unknown):
        return UNKNOWN
    if not isinstance(function, Name) or not isinstance(arguments, tuple):
        stack.broken("it calls what is no name")
    if function.full not in CALLED:
        raise Refused(Code.FORBIDDEN_CALL, function.full)
    if any(isinstance(argument, Unknown) for argument in arguments):
        return UNKNOWN
    # A call may copy what it is given: whoever asks for many copies of much pays for them.
    stack.spend(_CALL + sum(map(_price, arguments)))
    return outcome(function.full, arguments)


def _price(argument: object) -> int:
    if isinstance(argument, (str, bytes)):
        return len(argument) // _TEXT_PER_OPERATION
    return len(argument) if isinstance(argument, (list, tuple, dict)) else 0


def _build(stack: Stack, _: Argument) -> None:
    state, target = stack.pop(), stack.top
    if isinstance(target, Record):
        target.state = state
    elif isinstance(target, (dict, Tensor)) and isinstance(state, (dict, Unknown)):
        return  # attributes of a dictionary or a tensor: no weights
    elif not isinstance(target, Unknown):
        stack.pop()
        raise Refused(Code.FORBIDDEN_OPERATION, "BUILD")


# ── what no model needs ───────────────────────────────────────────────────────────────────────────


def _refused(name: str, *, taking: int = 0) -> Step:
    def step(stack: Stack, _: Argument) -> None:
        for _each in range(taking):
            stack.pop()
        raise Refused(Code.FORBIDDEN_OPERATION, name)

    return step


def _instance(stack: Stack, argument: Argument) -> None:
    stack.pop_to_mark()
    if isinstance(argument, tuple):
        _named(*argument)  # what it names weighs more than how
    raise Refused(Code.FORBIDDEN_OPERATION, "INST")


def _object(stack: Stack, _: Argument) -> None:
    stack.pop_to_mark()
    raise Refused(Code.FORBIDDEN_OPERATION, "OBJ")


STEPS: Final[dict[str, Step]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), _nothing),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"), _push),
    **dict.fromkeys(("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"), _push),
    **dict.fromkeys(("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _push),
    "NONE": _constant(lambda: None),
    "NEWTRUE": _constant(lambda: True),
    "NEWFALSE": _constant(lambda: False),
    "EMPTY_DICT": _constant(dict),
    "EMPTY_LIST": _constant(list),
    "EMPTY_SET": _constant(list),
    "EMPTY_TUPLE": _constant(tuple),
    "MARK": _mark,
    "POP": _drop,
    "POP_MARK": _drop_to_mark,
    "DUP": _again,
    "DICT": _dictionary,
    "LIST": _list,
    "FROZENSET": _list,
    "TUPLE": _tuple,
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _recall),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": _new_object,
    "BUILD": _build,
    "INST": _instance,
    "OBJ": _object,
    "NEWOBJ_EX": _refused("NEWOBJ_EX", taking=3),
    "PERSID": _refused("PERSID"),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _refused("EXT")),
    "NEXT_BUFFER": _refused("NEXT_BUFFER"),
    "READONLY_BUFFER": _refused("READONLY_BUFFER", taking=1),
}
