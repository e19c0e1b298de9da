"""The citizen's results: found, listed, fetched and drawn, each with its signed copy.

The vault holds the signed copy itself, so it answers when the agency's own system is away.
"""
