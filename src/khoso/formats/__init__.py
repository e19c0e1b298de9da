"""Wire formats and signatures: bytes in, bytes out.

This room is pure: no clock, no I/O, no framework, and nothing imported from the rest of Kho Số. An inspector's own
backend can use it alone with `cryptography` and `cbor2`. What is written here is frozen by printed papers: a change
of meaning needs a new format digit (see `docs/credential.md`).
"""
