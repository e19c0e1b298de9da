"""The OpenAPI description, turned round for reading: operations by tag, with an example of what to send and to get."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Json = Any
"""A JSON value of the description, which has no narrower type."""

_METHODS = ("get", "post", "put", "patch", "delete")
_MAX_DEPTH = 8
_SAMPLES: Mapping[str, Json] = {
    "date-time": "2026-11-23T09:30:00+07:00",
    "date": "2026-11-23",
    "uuid": "0199c7d2-6a3e-7c1f-9d5a-3f1f2b7e4a10",
    "uri": "https://kho.example.vn",
    "string": "…",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of an operation, in the words of the description."""

    name: str
    place: str
    required: bool
    type: str
    description: str


class Content(msgspec.Struct, frozen=True):
    """A body: its media type, and an example if there is one to show."""

    media_type: str
    example: str


class Answer(msgspec.Struct, frozen=True):
    """One possible answer."""

    status: str
    description: str
    contents: list[Content]


class Operation(msgspec.Struct, frozen=True):
    """One method on one path."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    scopes: list[str]
    """Of which a caller needs one; empty for what is public."""
    parameters: list[Parameter]
    bodies: list[Content]
    answers: list[Answer]


def operations_by_tag(schema: Mapping[str, Json]) -> dict[str, list[Operation]]:
    """Every operation under its first tag, in the order of the description."""
    tags: dict[str, list[Operation]] = {}
    for path, item in schema.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                tag = next(iter(operation.get("tags") or ()), "")
                tags.setdefault(tag, []).append(_operation(method, path, operation, schema))
    return tags


def _operation(method: str, path: str, operation: Json, schema: Mapping[str, Json]) -> Operation:
    body = _resolved(operation.get("requestBody", {}), schema)
    return Operation(
        anchor=operation.get("operationId", f"{method}{path}"),
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        scopes=sorted({scope for way in operation.get("security", ()) for scopes in way.values() for scope in scopes}),
        parameters=[_parameter(_resolved(one, schema), schema) for one in operation.get("parameters", ())],
        bodies=_contents(body.get("content", {}), schema),
        answers=[_answer(status, one, schema) for status, one in operation.get("responses", {}).items()],
    )


def _parameter(parameter: Json, schema: Mapping[str, Json]) -> Parameter:
    return Parameter(
        parameter["name"],
        parameter["in"],
        parameter.get("required", False),
        type_name(parameter.get("schema", {}), schema),
        parameter.get("description", ""),
    )


def _answer(status: str, answer: Json, schema: Mapping[str, Json]) -> Answer:
    found = _resolved(answer, schema)
    return Answer(status, found.get("description", ""), _contents(found.get("content", {}), schema))


def _contents(content: Mapping[str, Json], schema: Mapping[str, Json]) -> list[Content]:
    return [Content(media_type, _shown(media, media_type, schema)) for media_type, media in content.items()]


def _shown(media: Json, media_type: str, schema: Mapping[str, Json]) -> str:
    given = _given_example(media)
    if given is None and media_type.partition(";")[0].endswith("json"):
        given = sample(media.get("schema", {}), schema)
    if not isinstance(given, dict | list):
        return ""  # a body that is not JSON, or whose form the description does not tell
    return json.dumps(given, ensure_ascii=False, indent=2)


def _given_example(holder: Json) -> Json:
    """The example that a media type or a schema brings with it, in any of OpenAPI's three ways."""
    if "example" in holder:
        return holder["example"]
    examples = holder.get("examples") or ()
    first = next(iter(examples.values() if isinstance(examples, dict) else examples), None)
    return first["value"] if isinstance(first, dict) and "value" in first else first


def sample(node: Json, schema: Mapping[str, Json], depth: int = 0) -> Json:
    """A value of the described form: the examples given, else one plain value of each type."""
    node = _resolved(node, schema)
    given = _given_example(node)
    if given is not None or depth > _MAX_DEPTH:
        return given
    for choice in ("oneOf", "anyOf", "allOf"):
        if choice in node:
            return _first_sample(node[choice], schema, depth)
    if "enum" in node:
        return node["enum"][0]
    if "const" in node:
        return node["const"]
    return _sample_of_type(node, schema, depth + 1)


def _first_sample(choices: list[Json], schema: Mapping[str, Json], depth: int) -> Json:
    real = [choice for choice in choices if choice.get("type") != "null"]
    return sample(real[0], schema, depth + 1) if real else None


def _sample_of_type(node: Json, schema: Mapping[str, Json], depth: int) -> Json:
    kind = _kind(node)
    if "properties" in node:
        return {name: sample(one, schema, depth) for name, one in node["properties"].items()}
    if kind == "array":
        return [sample(node["items"], schema, depth)] if "items" in node else []
    if kind == "object":
        return {}
    return _SAMPLES.get(node.get("format", ""), _SAMPLES.get(kind))


def type_name(node: Json, schema: Mapping[str, Json]) -> str:
    """A short name of the type, such as `string (date)` or `integer | null`."""
    node = _resolved(node, schema)
    choices = node.get("oneOf") or node.get("anyOf")
    if choices:
        return " | ".join(type_name(choice, schema) for choice in choices)
    if "enum" in node:
        return " | ".join(map(str, node["enum"]))
    form = f" ({node['format']})" if "format" in node else ""
    return "".join((_kind(node), form))


def _kind(node: Json) -> str:
    kind = node.get("type", "")
    return next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind


def _resolved(node: Json, schema: Mapping[str, Json]) -> Json:
    """The node itself, or what its `$ref` (RFC 6901, within the description) points to."""
    while "$ref" in node:
        found: Json = schema
        for step in _steps(node["$ref"]):
            found = found[step]
        node = found
    return node


def _steps(reference: str) -> Iterator[str]:
    for step in reference.removeprefix("#/").split("/"):
        yield step.replace("~1", "/").replace("~0", "~")
