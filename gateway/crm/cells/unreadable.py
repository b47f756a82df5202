"""The exception for a cell that can't be read."""


class UnreadableCell(ValueError):
    """A text that isn't a value of its column."""

    def __init__(self, text: str, cure: str) -> None:
        super().__init__(text)
        self.cure = cure  #: What to do about it.
