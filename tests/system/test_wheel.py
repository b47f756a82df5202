"""What `pip install crm-mail-gateway` gives: everything the gateway needs, without a clone."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement

from gateway import __version__
from tests.api.console.browsing import PageReader
from tests.conftest import StartSink
from tests.rig.process import (
    LOOPBACK,
    free_port,
    has_listener,
    needs,
    program,
    run,
    wait_until,
)
from tests.rig.toml import write_toml

ROOT = Path(__file__).parents[2]
FILES = ("README.md", "LICENSE", "pyproject.toml")
#: Folders, and what of them is not shipped: what Python compiles, and what somebody's gateway has.
FOLDERS = {
    "gateway": ("__pycache__",),
    "config": (
        *("gateway.toml", "gateway.keys", "*.pem", "gateway.db*", "blobs", "data", "outage"),
        "debian",  # by which the package for it is made
    ),
    "docs": ("mkdocs",),  # by which the site is made
}

# Whoever builds and installs waits for each step; beside the other tests that is a while.
pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


@dataclass(frozen=True, slots=True)
class Built:
    """The two archives, and what of a clone they are to hold."""

    wheel: Path
    sdist: Path
    shipped: frozenset[str]  #: Files of config and docs, such as `config/alerts.yml`.


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment with the wheel and what it asks for, and nothing of a clone."""

    folder: Path

    async def __call__(
        self, *arguments: str, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run `gateway` of this environment, outside the clone."""
        command = str(self.folder / "bin" / "gateway")
        # No other folder has a module for it, and what is compiled once is kept.
        environment = {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "", "TMPDIR": str(self.folder)}
        return await run(
            command, *arguments, environment=environment, timeout=timeout, folder=self.folder
        )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build both archives of a copy in which a gateway has run, as in a clone of somebody's."""
    folder = tmp_path_factory.mktemp("sources")
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for name, data in FOLDERS.items():
        ignored = shutil.ignore_patterns(*data)
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    shipped = frozenset(
        str(file.relative_to(folder))
        for name in ("config", "docs")
        for file in (folder / name).rglob("*")
        if file.is_file()
    )
    (folder / "config" / "gateway.toml").write_text('[api]\ntoken = "secret"\n')
    (folder / "config" / "gateway.keys").write_text("c0ffee")
    (folder / "config" / "gateway.db").write_text("who applied")
    (folder / "config" / "blobs").mkdir()
    (folder / "config" / "blobs" / "cv.pdf").write_text("a document")
    # The build's own packages are pinned with the other development tools.
    command = (sys.executable, "-m", "build", "--no-isolation", str(folder))
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr

    [wheel] = folder.glob("dist/*.whl")
    [sdist] = folder.glob("dist/*.tar.gz")
    return Built(wheel, sdist, shipped)


def pinned() -> list[str]:
    """Return what the lock pins, as `idna==3.11` or `uvloop==0.23.0 ; sys_platform != 'win32'`."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line.removesuffix("\\") for line in lines if not line.startswith((" ", "#"))]


def link(requirement: str, packages: Path) -> None:
    """Put a package of this environment into another one, compiled as it is here."""
    wanted = Requirement(requirement)
    distribution = metadata.distribution(wanted.name)
    assert distribution.version in wanted.specifier, f"`make setup` again: {requirement}"
    for file in distribution.files or ():
        if file.parts[0] == "..":  # a command
            continue
        source = Path(str(distribution.locate_file(file)))
        places = [(source, packages / file)]
        if source.suffix == ".py":
            compiled = Path(cache_from_source(str(source)))
            places.append((compiled, packages / file.parent / "__pycache__" / compiled.name))
        for here, there in places:
            if here.exists() and not there.exists():
                there.parent.mkdir(parents=True, exist_ok=True)
                there.symlink_to(here)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel in a clean environment, with what it asks for as the lock pins it.

    The packages are those this environment has: `make setup` took them by the hashes of its own
    lock, which has all that requirements.lock has (`tests/test_architecture.py`).
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    [packages] = folder.glob("lib/python*/site-packages")
    for requirement in pinned():
        marker = Requirement(requirement).marker
        if marker is None or marker.evaluate():
            link(requirement, packages)

    # Fails if the lock lacks anything that the wheel asks for.
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install")
    quiet = ("--quiet", "--no-compile", "--disable-pip-version-check")
    wheel = (*pip, *quiet, "--no-index", str(built.wheel))
    done = subprocess.run(wheel, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return Installed(folder)


def test_the_wheel_has_all_that_is_shipped_and_nothing_of_a_gateway_that_ran(built: Built) -> None:
    with ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    shipped = {name for name in names if name.startswith("gateway/shipped/")}

    assert {"config/alerts.yml", "config/gateway.service", "docs/operation.md"} <= built.shipped
    assert {f"gateway/shipped/{name}" for name in built.shipped} == shipped
    assert {"gateway"} == {name.partition("/")[0] for name in names}


def test_the_source_archive_makes_the_same_wheel(built: Built) -> None:
    # `python -m build` makes the wheel from it, so that the code is in it.
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= names
    assert {f"gateway/shipped/{name}" for name in built.shipped} <= names
    own = ("gateway.toml", "gateway.keys", "gateway.db", "cv.pdf")
    assert not [name for name in names if name.endswith(own)]


def test_the_wheel_says_what_it_is(built: Built) -> None:
    with ZipFile(built.wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        said = HeaderParser().parsestr(archive.read(name).decode())

    expected: Mapping[str, str] = {
        "Name": "crm-mail-gateway",
        "Version": __version__,
        "Requires-Python": ">=3.11",
        "License-Expression": "Apache-2.0",
        "Description-Content-Type": "text/markdown",
    }
    assert expected == {key: said[key] for key in expected}
    assert (ROOT / "README.md").read_text().strip() == str(said.get_payload()).strip()


async def test_an_installed_gateway_tells_its_version(installed: Installed) -> None:
    done = await installed("--version")

    assert (f"gateway {__version__}\n", "") == (done.stdout, done.stderr)


async def test_an_installed_gateway_has_its_pages(installed: Installed) -> None:
    done = await installed("docs", "operation")

    assert (0, "") == (done.returncode, done.stderr)
    assert "What to do for each alert" in done.stdout


async def test_an_installed_gateway_checks_a_minimal_config(
    installed: Installed, start_sink: StartSink, tmp_path: Path
) -> None:
    relay = await start_sink()
    config = tmp_path / "gateway.toml"
    config.write_text(
        write_toml(
            {
                "relays": [{"name": "mailserver", "host": LOOPBACK, "port": relay.port}],
                "smtp": {"listeners": [{"name": "crm", "bind": f"{LOOPBACK}:{free_port()}"}]},
            }
        )
    )

    done = await installed("--config", str(config), "check")

    assert (0, "") == (done.returncode, done.stderr), done.stdout
    assert "ok" == next(line for line in done.stdout.splitlines() if "mailserver" in line)[:2]


async def test_an_installed_gateway_serves_the_console_with_its_styles_and_languages(
    installed: Installed, tmp_path: Path
) -> None:
    port, config = free_port(), str(tmp_path / "gateway.toml")
    relay = {"name": "mailserver", "host": LOOPBACK, "port": 1}
    tables = {"relays": [relay], "api": {"bind": f"{LOOPBACK}:{port}"}}
    Path(config).write_text(write_toml(tables))
    made = await installed("--config", config, "console", "user", "anna", "--role", "manage")
    [password] = re.findall(r"Password: (\S+)", made.stdout + made.stderr)
    names = "today send-failed people inbox campaigns triggers applications feed messages outbox"

    command = str(installed.folder / "bin" / "gateway")
    running = await asyncio.create_subprocess_exec(
        *(command, "--config", config, "run", "api"),
        env={**os.environ, "PYTHONPATH": ""},
        cwd=installed.folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await wait_until(lambda: has_listener(port), "the console", 60)
        async with httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{port}", follow_redirects=True, timeout=60, trust_env=False
        ) as browser:
            dutch = await browser.get("/console/login", headers={"accept-language": "nl"})
            [form, *_] = PageReader((await browser.get("/console/login")).text).forms
            login = {**form.fields, "user": "anna", "password": password}
            today = await browser.post("/console/login", data=login)
            pages = {name: await browser.get(f"/console/{name}") for name in names.split()}
            assets = re.findall(r'(?:href|src)="(/console/static/[^"]+)"', today.text)
            files = {asset: await browser.get(asset) for asset in assets}
    finally:
        running.terminate()
        await running.wait()

    assert '<html lang="nl">' in dutch.text
    assert "Inloggen" in dutch.text
    assert "/console/today" == today.url.path
    assert {} == {name: page.status_code for name, page in pages.items() if not page.is_success}
    assert set(names.split()) == {page.url.path.split("/")[2] for page in pages.values()}
    assert 3 == len([asset for asset, file in files.items() if file.is_success and file.content])


async def test_an_installed_gateway_shows_the_demo(installed: Installed) -> None:
    done = await installed("demo", timeout=120)

    assert (0, "") == (done.returncode, done.stderr)
    assert 'recipient is in the group "Geen bulk-mail"' in done.stdout
    assert "filed to candidate:103 at application 4711" in done.stdout
    assert "Gefeliciteerd, Anna!" in done.stdout
    assert "Sent:         2 on" in done.stdout
    assert "$ gateway bounces report" in done.stdout


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """A package for Debian."""

    file: Path

    def told(self, question: str) -> str:
        """Return what dpkg-deb tells: `--info`, `--contents`."""
        return output("dpkg-deb", question, str(self.file))


def output(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it prints."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def debian_package(
    built: Built, installed: Installed, tmp_path_factory: pytest.TempPathFactory
) -> DebianPackage:
    """Build the package from the environment that has everything already."""
    program("dpkg-deb", "dpkg")
    theirs = Path("/usr/bin") / f"python3.{sys.version_info.minor}"
    if not theirs.exists():
        needs("the system's own Python of this version", str(theirs))
    folder = tmp_path_factory.mktemp("debian")
    script = str(ROOT / "config" / "debian" / "build")
    environment = {**os.environ, "DEB_PYTHON": str(theirs)}
    output(script, str(built.wheel), str(folder), str(installed.folder), environment=environment)
    [file] = folder.glob("*.deb")
    return DebianPackage(file)


def test_a_debian_package_says_what_it_is_and_where_its_files_go(
    debian_package: DebianPackage,
) -> None:
    about = debian_package.told("--info")
    files = debian_package.told("--contents")
    names = {line.split()[5].removeprefix(".") for line in files.splitlines()}

    assert debian_package.file.name.startswith(f"crm-mail-gateway_{__version__}_")
    assert f"Version: {__version__}\n" in about
    assert f"Depends: python3 (>= 3.{sys.version_info.minor})" in about
    assert {"control", "md5sums", "postinst", "prerm", "postrm"} <= set(about.split())
    assert {
        "/opt/crm-mail-gateway/bin/gateway",
        "/usr/bin/crm-mail-gateway",
        "/usr/lib/systemd/system/crm-mail-gateway.service",
        "/usr/share/doc/crm-mail-gateway/copyright",
        "/usr/share/doc/crm-mail-gateway/changelog.gz",
    } <= names
    places = ("/opt/crm-mail-gateway/", "/usr/")
    assert {"/", "/opt/"} == {name for name in names if not name.startswith(places)}
    assert {"root/root"} == {line.split()[1] for line in files.splitlines()}


def test_nothing_in_a_debian_package_names_where_it_was_built(
    built: Built, debian_package: DebianPackage, tmp_path: Path
) -> None:
    output("dpkg-deb", "--raw-extract", str(debian_package.file), str(tmp_path))
    opt = tmp_path / "opt" / "crm-mail-gateway"
    unit = (tmp_path / "usr/lib/systemd/system/crm-mail-gateway.service").read_text()
    written = [opt / "pyvenv.cfg", opt / "bin" / "gateway", *tmp_path.glob("DEBIAN/*")]
    written += (file for file in opt.rglob("*.dist-info/*") if file.is_file())

    here = str(built.wheel.parents[1]).encode()
    assert [] == [file for file in written if here in file.read_bytes()]
    assert [] == [*opt.rglob("direct_url.json")]
    assert (opt / "bin" / "gateway").read_text().startswith("#!/opt/crm-mail-gateway/bin/python\n")
    assert "ExecStart=/opt/crm-mail-gateway/bin/gateway --config /etc/crm-mail-gateway/" in unit
    assert "/opt/gateway" not in unit
    assert "User=crm-mail-gateway\n" in unit


def test_a_debian_package_is_installed_used_removed_and_purged_without_a_trace(
    debian_package: DebianPackage,
) -> None:
    name = "crm-mail-gateway"
    places = [Path(place) for place in (f"/opt/{name}", f"/etc/{name}", f"/var/lib/{name}")]
    if os.geteuid() != 0 or any(place.exists() for place in places):
        needs("root, and a machine without a gateway", "packages are installed by root")
    program("runuser", "util-linux")
    said = output("dpkg", "--force-unsafe-io", "--install", str(debian_package.file))
    try:
        version = output(f"/opt/{name}/bin/gateway", "--version")
        began = subprocess.run(
            [name, "init", "--yes", "--force"], capture_output=True, text=True, check=True
        )
        output(name, "check", "--offline")
        output(name, "console", "user", "anna", "--role", "manage")
        data = places[2]
        of_its_own = {file.name: file.owner() for file in data.iterdir()}
        config = (places[1] / "gateway.toml").read_text()
        output("dpkg", "--remove", name)
        after_removal = [place.exists() for place in places]
    finally:
        output("dpkg", "--purge", name)

    assert "is installed and not started" in said
    assert f"gateway {__version__}\n" == version
    assert "Next: gateway check" in began.stdout
    assert f"Of this package the command is {name}, in the place of gateway." in began.stderr
    assert f'"sqlite:////var/lib/{name}/gateway.db"' in config
    assert (True, {name}) == ("console-users" in of_its_own, set(of_its_own.values()))
    assert [False, True, True] == after_removal
    assert [] == [place for place in places if place.exists()]
    assert f"\n{name}:" not in Path("/etc/passwd").read_text()
