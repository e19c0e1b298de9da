"""Whoever reads what is wrong reads it in Vietnamese first: no message is made in this source without both halves."""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

import khoso
from bilingual import has_vietnamese, is_bilingual
from khoso.errors import KhosoError, sentence
from khoso.inputs import to_form_problem
from khoso.problems import STATUS

SOURCES = Path(khoso.__file__).parent

Maker = tuple[str, str]
"""What takes a message: its module, and the name of a class or function in it."""

Function = ast.FunctionDef | ast.AsyncFunctionDef

MAKERS: dict[Maker, int] = {
    ("khoso.errors", "InputProblem"): 2,
    ("khoso.formats.field_values", "BadValue"): 1,
    ("khoso.imports.model", "Fault"): 1,
    ("khoso.imports.model", "Flaw"): 1,
}
"""Where among the arguments the message stands. Functions that hand one on are found."""


class Module:
    """One source, and where its names come from."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.tree = tree
        self.origins = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def calls(self) -> Iterator[tuple[ast.Call, Function | None]]:
        """Every call, with the function that it stands in."""
        yield from _calls(self.tree, None)

    def maker(self, call: ast.Call) -> Maker | None:
        match call.func:
            case ast.Name(name):
                return self.origins.get(name, (self.name, name))
            case ast.Attribute(attr=name):  # of another module, or a method of this one's own
                return next((maker for maker in MAKERS if maker[1] == name), (self.name, name))
        return None

    def values_of(self, name: str, function: Function | None) -> list[ast.expr]:
        """What is assigned to a name, in the function or else in the module."""
        for scope in (function, self.tree):
            values = [] if scope is None else list(_assigned(scope, name))
            if values:
                return values
        return []


def _calls(node: ast.AST, function: Function | None) -> Iterator[tuple[ast.Call, Function | None]]:
    if isinstance(node, ast.Call):
        yield node, function
    inside = node if isinstance(node, Function) else function
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, inside)


def _assigned(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id)], value=value) if id == name:
                yield value
            case ast.AnnAssign(target=ast.Name(id), value=ast.expr() as value) if id == name:
                yield value


def _texts(module: Module, function: Function | None, said: ast.expr) -> Iterator[str]:
    """Every text that a message can be, {} for what is put into it; what is no plain text as it is written there."""
    match said:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.Call(func=ast.Attribute(value=one, attr="get"), args=[_, other]):
            yield from _texts(module, function, one)
            yield from _texts(module, function, other)
        case ast.Dict(values=values):
            for value in values:
                yield from _texts(module, function, value)
        case ast.Name(name) if values := module.values_of(name, function):
            for value in values:
                yield from _texts(module, function, value)
        case ast.Attribute(attr="message"):  # of a BadValue, Flaw or InputProblem, where it was made
            pass
        case _:
            yield ast.unparse(said)


def _place_of_parameter(function: Function | None, said: ast.expr) -> int | None:
    """Where it stands among the arguments of a call, if the message is a parameter of the function."""
    if function is None or not isinstance(said, ast.Name):
        return None
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    return names.index(said.id) if said.id in names else None


def _messages(modules: list[Module]) -> Iterator[tuple[str, str]]:
    """Every message with its place."""
    makers, known = dict(MAKERS), 0
    while known < len(makers):  # until no more functions are found that hand one on
        known = len(makers)
        for module in modules:
            for call, function in module.calls():
                place = makers.get(module.maker(call) or ("", ""))
                if place is not None and len(call.args) > place and function is not None:
                    handed_on = _place_of_parameter(function, call.args[place])
                    if handed_on is not None:
                        makers[module.name, function.name] = handed_on
    for module in modules:
        for call, function in module.calls():
            place = makers.get(module.maker(call) or ("", ""))
            if place is not None:
                where = f"{module.name}:{call.lineno}"
                if any(isinstance(argument, ast.Starred) for argument in call.args) or len(call.args) <= place:
                    yield where, ast.unparse(call)
                elif _place_of_parameter(function, call.args[place]) is None:
                    yield from ((where, text) for text in _texts(module, function, call.args[place]))


def _read(path: Path) -> Module:
    name = ".".join(("khoso", *path.relative_to(SOURCES).with_suffix("").parts))
    return Module(name, ast.parse(path.read_text()))


def _is_good(text: str) -> bool:
    return text.count(" | ") == 1 and is_bilingual(text) and not has_vietnamese(text.partition(" | ")[2])


def test_every_message_is_vietnamese_and_then_english() -> None:
    messages = list(_messages([_read(path) for path in sorted(SOURCES.rglob("*.py"))]))
    assert len(messages) > 170
    assert [message for message in messages if not _is_good(message[1])] == []


@pytest.mark.parametrize(
    "source",
    [
        'InputProblem("a", "b", "give a text")',
        'InputProblem("a", "b", "give a text | nhập dạng văn bản")',
        'InputProblem("a", "b", "nhap van ban | give a text")',
        'InputProblem("a", "b", str(error))',
        "InputProblem(*args)",
        'errors.InputProblem("a", "b", "give a text")',
        'InputProblem("a", "b", message="give a text")',
        'message = "give a text"\nInputProblem("a", "b", message)',
        'WORDS = {"a": "give a text"}\nInputProblem("a", "b", WORDS.get("a", "chữ | text"))',
        'def note(field, said):\n    InputProblem(field, "b", said)\nnote("a", "give a text")',
        'def note(said):\n    InputProblem("a", "b", said)\ndef more(said):\n    note(said)\nmore("give a text")',
        'class Notes:\n    def note(self, said):\n        InputProblem("a", "b", said)\nNotes().note("give a text")',
    ],
)
def test_one_that_is_not_is_found(source: str) -> None:
    module = Module("khoso.any", ast.parse(f"from khoso.errors import InputProblem\n{source}"))
    assert [text for _, text in _messages([module]) if not _is_good(text)] != []


@pytest.mark.parametrize("kind", [KhosoError, *STATUS], ids=lambda kind: kind.__name__)
def test_so_is_every_title(kind: type[KhosoError]) -> None:
    assert _is_good(sentence(kind))


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(ge=1)] | None
    name: Annotated[str, msgspec.Meta(min_length=1)] = "a"
    kind: Literal["person", "organisation"] = "person"
    day: date | None = None
    parts: list[Literal[1, 2]] = []


@pytest.mark.parametrize(
    ("given", "field", "vietnamese", "english"),
    [
        ({}, "whole", "thiếu mục `count`", "Object missing required field `count`"),
        ({"count": "1"}, "count", "cần số nguyên hoặc null, không phải văn bản", "Expected `int or null`, got `str`"),
        ({"count": 0}, "count", "cần giá trị >= 1", "Expected `int` >= 1"),
        ({"count": 1, "name": ""}, "name", "cần độ dài >= 1", "Expected `str` of length >= 1"),
        ({"count": 1, "kind": "x"}, "kind", "chọn một giá trị trong danh sách cho phép", "Invalid enum value 'x'"),
        ({"count": 1, "day": "today"}, "day", "nhập lại cho đúng dạng", "Invalid RFC3339 encoded date"),
        (
            {"count": 1, "parts": [1, 3]},
            "parts[1]",
            "chọn một giá trị trong danh sách cho phép",
            "Invalid enum value 3",
        ),
        (
            {"count": 1, "a | b": 1},
            "whole",
            "bỏ mục `a or b`, mẫu không có",
            "Object contains unknown field `a or b`",
        ),
    ],
)
def test_what_msgspec_says_of_a_wrong_form_is_told_in_both(
    given: dict[str, Any], field: str, vietnamese: str, english: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(given, Wanted)
    told = to_form_problem(str(refused.value), "whole")
    assert (told.field, told.code) == (field, "form")
    assert told.message == f"sai dữ liệu: {vietnamese} | {english}"
