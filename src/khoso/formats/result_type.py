"""What the values in a code mean: the fields of a result type, in one published version.

A credential names its type and version; the definition is public, so any verifier can show labels, units and the one
thing to compare with the paper's bearer. Definitions never change once published: a new version is a new definition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

SubjectKind = Literal["person", "premises", "vehicle", "vessel"]
"""What the inspector has in front of him; it drives the screen."""

FieldKind = Literal["text", "integer", "decimal", "date", "choice", "texts", "hours"]
"""How a field's value is written in a code:

text: str · integer: int · decimal: int in units of 10^-scale · date: days since 1970-01-01 · choice: index into
`choices` · texts: list of str · hours: list of minutes since midnight, start and end in turn, Asia/Ho_Chi_Minh
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a `choice` field. Choices are only ever appended."""

    value: str
    label_vi: str
    label_en: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a result type. `number` is its key in the code, `name` its key in the API."""

    number: int
    name: str
    kind: FieldKind
    label_vi: str
    label_en: str
    required: bool = True
    in_code: bool = True
    """Whether the value travels in the code; otherwise it is only in the vault."""
    keep_last: int | None = None
    """For personal identifiers: only this many last characters go into the code."""
    max_length: int = 200
    """Longest text, in characters, or most members of a list."""
    minimum: int | None = None
    maximum: int | None = None
    """Bounds of a number as written in the code (for a decimal, in units of 10^-scale)."""
    scale: int = 0
    unit: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a result of the type may run. Without `months` it has no end."""

    months: int | None = None
    fixed: bool = False
    """True: the end is always `months` after the beginning; False: the issuer may set an earlier one."""


@dataclass(frozen=True)
class ResultType:
    """One version of a result type, e.g. `KQ.H17.000001` version 1."""

    code: str
    version: int
    procedure_code: str
    name_vi: str
    name_en: str
    subject_kind: SubjectKind
    comparison_field: str
    """Name of the field shown big, to be compared with what the inspector sees."""
    glance: tuple[str, ...]
    """Names of the fields to show first, in this order."""
    fields: tuple[Field, ...]
    validity: Validity = Validity()
    expires_soon_days: int = 30
    four_eyes: bool = False
    inspectable: bool = True
    """Results of this type are inspected in the field, so they carry a QR."""

    @property
    def agency_code(self) -> str:
        """The agency that defines the type: the middle of its code."""
        return self.code.removeprefix("KQ.").rpartition(".")[0]

    @cached_property
    def by_number(self) -> Mapping[int, Field]:
        """The fields by their key in the code."""
        return {field.number: field for field in self.fields}

    @cached_property
    def by_glance(self) -> tuple[Field, ...]:
        """The fields as an inspector reads them: those for the first glance first, then in the order of the paper."""
        glance = [field for name in self.glance for field in self.fields if field.name == name]
        return (*glance, *(field for field in self.fields if field not in glance))
