"""Claims become a signed credential, recorded and in force, in one durable step.

What may change here: what is checked before signing, and how it is stored. What may not: nothing leaves this room
before the transaction that records it has committed (docs/issuing.md).
"""
