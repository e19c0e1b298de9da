"""The type list: the definitions of all result types of a city, signed by a publisher.

    {1: origin, 6: time of signing, -65539: {1: version, 2: [definition as JSON, …]}}          deterministic CBOR

A definition is the JSON that the catalogue publishes, as UTF-8. Definitions never change, so a list does not expire: an
old one lacks the newest types, and "cannot tell" is then the answer for their papers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from . import cbor
from .cose import Profile
from .documents import MAX_PAYLOAD, NotBelieved, unseal_published
from .malformed import Malformed
from .result_type import Choice, Field, ResultType, Validity
from .trust import Publisher

PROFILE = Profile("application/khoso-types+cwt", MAX_PAYLOAD)

ISS, IAT, CONTENT = 1, 6, -65539
VERSION, DEFINITIONS = 1, 2

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class TypeList:
    """All result types of a city at one version of its catalogue."""

    origin: str
    version: int
    issued_at: int
    definitions: tuple[bytes, ...]
    """Each type and version in its JSON."""

    @property
    def types(self) -> Mapping[tuple[str, int], ResultType]:
        """The types by code and version. Raises Malformed."""
        types = map(_read_definition, self.definitions)
        return {(one.code, one.version): one for one in types}


def encode(listed: TypeList) -> bytes:
    """The payload to sign."""
    content = {VERSION: listed.version, DEFINITIONS: list(listed.definitions)}
    return cbor.dumps({ISS: listed.origin, IAT: listed.issued_at, CONTENT: content})


def unseal_types(signed: bytes, publishers: Mapping[bytes, Publisher], origin: str) -> TypeList:
    """The list that a publisher signed in its time, for this city. Raises Malformed or NotBelieved."""
    return unseal_published(PROFILE, signed, publishers, lambda payload: _decode(payload, origin))


def _decode(payload: bytes, origin: str) -> TypeList:
    try:
        top = cbor.loads(payload)
        content = top[CONTENT]
        listed = TypeList(top[ISS], content[VERSION], top[IAT], tuple(content[DEFINITIONS]))
        version, issued_at = listed.version, listed.issued_at
        right = (
            type(version) is int and type(issued_at) is int and {type(each) for each in listed.definitions} <= {bytes}
        )
    except (LookupError, TypeError):
        raise Malformed("type_list") from None
    if not right or encode(listed) != payload:
        raise Malformed("type_list")
    if listed.origin != origin:
        raise NotBelieved("origin")
    return listed


def _read_definition(definition: bytes) -> ResultType:
    try:
        raw = json.loads(definition)
        parts = raw | {
            "glance": tuple(raw["glance"]),
            "fields": tuple(map(_read_field, raw["fields"])),
            "validity": _make(Validity, raw.get("validity", {})),
        }
        return _make(ResultType, parts)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Malformed("type_definition") from None


def _read_field(raw: Any) -> Field:
    return _make(Field, raw | {"choices": tuple(_make(Choice, choice) for choice in raw.get("choices", ()))})


def _make(kind: type[Part], members: Mapping[str, Any]) -> Part:
    """The part from its members; such as a later release may have added are passed over."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # every part is a dataclass
    return kind(**{name: value for name, value in members.items() if name in known})
