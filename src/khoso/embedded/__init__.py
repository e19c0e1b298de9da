"""A real PostgreSQL run by this program itself: no server to install for the demonstration, development or tests."""

from khoso.embedded.server import WITHOUT_DURABILITY, EmbeddedPostgres, remove
from khoso.embedded.store import APP, DATABASE, OWNER, ProvisionedDatabase, provision

__all__ = [
    "APP",
    "DATABASE",
    "OWNER",
    "WITHOUT_DURABILITY",
    "EmbeddedPostgres",
    "ProvisionedDatabase",
    "provision",
    "remove",
]
