"""The files in the feed's folder, recognised by name: `people.csv`, `memberships.full.xlsx`."""

from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from gateway.core.written import readable_name
from gateway.crm.kinds import KINDS

_ENDINGS = (".csv", ".jsonl", ".xlsx", ".tsv", ".txt")
#: A file with one of these endings counts if its name begins with a kind. It is imported if it is a
#: table after all, and otherwise moved to `failed/` with the remedy: nobody would notice one that
#: is just left there.
_OTHER_ENDINGS = (
    *(".xls", ".xlsb", ".xlsm", ".ods", ".json", ".xml", ".htm", ".html"),
    *(".zip", ".gz", ".7z", ".rar", ".bz2"),
)
_FULL = tuple(f".full{ending}" for ending in (*_ENDINGS, *_OTHER_ENDINGS))
_RANKS = {name: rank for rank, name in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFile:
    """A file as found in the folder."""

    path: Path
    mark: str  #: Distinguishes this file from one of the same name dropped later, or still growing.
    written: int  #: Nanoseconds since 1970.
    is_link: bool = False

    @property
    def name(self) -> str:
        """Its name in readable form."""
        return readable_name(self.path.name)

    @property
    def kind(self) -> str | None:
        """Its kind, one of `KINDS`, from the start of its name."""
        lower = self.path.name.lower()
        return next((kind for kind in KINDS if lower.startswith(kind)), None)

    @property
    def replaces(self) -> bool:
        """Whether it is a full file: whatever isn't in it is removed."""
        return is_full(self.path.name)

    @property
    def names_all_people(self) -> bool:
        """Whether it is a full file of people: whoever isn't in it is removed."""
        return self.kind == "people" and self.replaces

    @property
    def order(self) -> tuple[int, int, str]:
        """The key to sort files by: first those that suppress, then by age."""
        return _RANKS.get(self.kind or "", len(_RANKS)), self.written, self.path.name


def is_full(name: str) -> bool:
    """Whether a file, by its name, replaces what its source sent before."""
    return name.lower().endswith(_FULL)


def is_for_feed(name: str) -> bool:
    """Whether a file in the folder is handled at all (imported or refused), judging by its name.

    `people.csv`, `People-2.XLSX` and `export.csv` are; `.people.csv` (hidden), `~$people.xlsx`
    (open in Excel) and `notes.txt` are left alone.
    """
    lower = name.lower()
    if lower.startswith((".", "~")):
        return False
    if lower.endswith((".txt", *_OTHER_ENDINGS)):
        # Other text files may just be somebody's notes.
        return lower.startswith(tuple(KINDS))
    return lower.endswith(_ENDINGS)


def found_at(path: Path) -> DroppedFile | None:
    """Return the file at a path; None if there is none, or something else."""
    try:
        facts = path.stat()
    except OSError:  # For example, a link that leads nowhere or to itself.
        return None
    if not S_ISREG(facts.st_mode):
        return None
    mark = f"{readable_name(path.name)}:{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ino}"
    is_link = path.is_symlink()
    return DroppedFile(path=path, mark=mark, written=facts.st_mtime_ns, is_link=is_link)
