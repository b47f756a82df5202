"""What is measured: every combination of message size, connections and clients is a cell."""

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Cell:
    """A way of sending: every peer is measured in it, round by round."""

    size: int  #: Octets of content, without the header.
    kept: bool  #: Connections are kept for many messages; otherwise each message has a new one.
    clients: int
    one_recipient: bool = False  #: For all messages of a sample; otherwise each has its own.

    @property
    def name(self) -> str:
        """Return what `--cell` takes, e.g. `5kB-kept-100` or `5kB-new-10-one`."""
        recipients = "-one" if self.one_recipient else ""
        return f"{self.size_name}-{'kept' if self.kept else 'new'}-{self.clients}{recipients}"

    @property
    def size_name(self) -> str:
        return f"{self.size // 1000}kB" if self.size < 1_000_000 else f"{self.size // 1_000_000}MB"


MATRIX = (
    *(
        Cell(size, kept, clients)
        for size, kept, clients in product((5_000, 1_000_000), (False, True), (10, 100))
    ),
    *(Cell(5_000, kept, 10, one_recipient=True) for kept in (False, True)),
)
