"""Kho Số: the open backend of a city's digital-citizen platform."""

__version__ = "0.1.0"
