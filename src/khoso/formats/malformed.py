"""The one exception of this room."""


class Malformed(ValueError):
    """The bytes or text are not in this format. `reason` is a stable code; nothing of the input is repeated."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
