"""Installing what the programs need; nothing of it goes into this checkout."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.clients.libraries import PROGRAMS, ClientFailed, ClientLibrary

INSTALL = Path(__file__).parent.parent / "packages"
INSTALL_LIMIT = 300


def cache_folder() -> Path:
    """Return where packages are kept between runs, made if it is missing."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "crm-mail-gateway-clients"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare(library: ClientLibrary, cache: Path) -> str:
    """Install what a library needs and return its version as its package has it, or "".

    Raises:
        ClientFailed: something can't be had.
    """
    missing = [package for package in library.debian if not debian_version(package)]
    if missing:
        _do([INSTALL, *missing])
    for package in library.debian:
        if not debian_version(package):
            raise ClientFailed(f"no Debian package {package}")
    if library.npm:
        _npm(library.npm, cache)
    if library.pip:
        _pip(library.pip, cache)
    if library.java:
        _compile_java(library, cache)
    if library.name == "net-smtp-go":
        _do(["go", "build", "-o", cache / "net_smtp_go", PROGRAMS / "net_smtp.go"])
    return upstream(debian_version(library.debian[0])) if library.debian else ""


def debian_version(package: str) -> str:
    """Return the installed version of a package, or "" if it isn't installed."""
    if not shutil.which("dpkg-query"):
        return ""
    shown = "--showformat=${db:Status-Status} ${Version}"
    done = subprocess.run(
        ["dpkg-query", "--show", shown, package], capture_output=True, text=True, check=False
    )
    status, _, version = done.stdout.partition(" ")
    return version if status == "installed" else ""


def upstream(version: str) -> str:
    """Return Debian's version without what Debian adds: `1:2.7.1+dfsg1-2` → `2.7.1`."""
    bare = version.partition(":")[2] or version
    bare = bare.rpartition("-")[0] or bare
    return bare.partition("+")[0]


def _npm(package: str, cache: Path) -> None:
    name, _, version = package.rpartition("@")
    manifest = cache / "node_modules" / name / "package.json"
    if not manifest.exists() or f'"version": "{version}"' not in manifest.read_text():
        _needs("npm")
        _do(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", cache, package])


def _pip(package: str, cache: Path) -> None:
    python = cache / "venv/bin/python"
    if not python.exists():
        _do([sys.executable, "-m", "venv", cache / "venv"])
    _do([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", package])


def _compile_java(library: ClientLibrary, cache: Path) -> None:
    folder = cache / library.java.partition(".")[0]
    folder.mkdir(exist_ok=True)
    source = (PROGRAMS / "JavaMail.java").read_text().replace("MAIL.", f"{library.java}.")
    (folder / "JavaMail.java").write_text(source)
    class_path = library.command[2].format(cache=cache)
    _do(["javac", "-nowarn", "-cp", class_path, "-d", folder, folder / "JavaMail.java"])


def _needs(program: str) -> None:
    if not shutil.which(program):
        raise ClientFailed(f"{program} is not installed")


def _do(command: Iterable[str | Path]) -> None:
    arguments = [*map(str, command)]
    try:
        done = subprocess.run(
            arguments, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClientFailed(str(error)) from error
    if done.returncode:
        text = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ClientFailed(f"{' '.join(arguments)[:100]}: {''.join(text)}")
