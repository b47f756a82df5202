"""What the site has beyond docs/: the README as its first page, the changes, linked files.

mkdocs calls the functions by their names (`hooks` in mkdocs.yml).
"""

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
#: Pages that lie outside docs/, by their names in the site.
OUTSIDE = {"index.md": "README.md", "changes.md": "CHANGELOG.md"}
_NAMES = {source: name for name, source in OUTSIDE.items()}
_TARGET = re.compile(r"(?<=\]\()(?!https?:|#)([^)#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, the search's script, and every other linked file."""
    for name, source in OUTSIDE.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text("utf-8")))
    script = Path(__file__).with_name("iframe-worker.js").read_text("utf-8")
    files.append(File.generated(config, "assets/iframe-worker.js", content=script))
    for page in files.documentation_pages():
        for target in _TARGET.findall(page.content_string):
            linked = _linked(page.src_uri, target)
            name = name_in_site(linked)
            if (ROOT / linked).is_file() and files.get_file_from_path(name) is None:
                files.append(_copied(config, linked, name))
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: object) -> str:
    """Have each link lead to where its file is in the site."""
    folder = PurePosixPath(page.file.src_uri).parent

    def moved(found: re.Match[str]) -> str:
        name = name_in_site(_linked(page.file.src_uri, found[1]))
        is_there = files.get_file_from_path(name) is not None
        return os.path.relpath(name, folder) if is_there else found[1]

    return _TARGET.sub(moved, markdown)


def name_in_site(path: str) -> str:
    """Return what a file of the repository is called in the site; both are relative paths.

    What a browser can't show as it is called has `.txt` behind it.
    """
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path in _NAMES:
        return _NAMES[path]
    return f"files/{path}" + ("" if PurePosixPath(path).suffix not in ("", ".md") else ".txt")


def _linked(page: str, target: str) -> str:
    """Return the path in the repository that a link leads to, of a page called so in the site."""
    source = OUTSIDE.get(page, f"docs/{page}")
    return os.path.normpath(PurePosixPath(source).parent / target)


def _copied(config: MkDocsConfig, path: str, name: str) -> File:
    source = str(ROOT / path)
    return File.generated(config, name, abs_src_path=source, inclusion=InclusionLevel.NOT_IN_NAV)
