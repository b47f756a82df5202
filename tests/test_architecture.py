"""What holds for the code base as a whole: layers, and what may not stand in a file."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.schema import VERSION
from tests.code_numbers import modules, reused_class_names

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "gateway").rglob("*.py"))
#: What several packages may use: it shapes values and knows nothing of the outside.
SHARED = {"argon2", "cryptography", "jinja2", "orjson", "pydantic"}
#: Hosts of package registries, and folders of one machine. Written apart, or this file had them.
FOREIGN = re.compile("|".join(("pypi" + r"\.org", "python" + "hosted", r"(?<![\w.])/(work|root)/")))

# Imports


def test_the_import_rules_of_pyproject_hold() -> None:
    done = run(str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache")

    assert done.returncode == 0, done.stdout


def test_the_sandbox_is_forbidden_every_other_package() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [rule] = [
        rule
        for rule in rules["contracts"]
        if rule.get("source_modules") == ["gateway.sandbox"] and rule["type"] == "forbidden"
    ]

    others = {
        path.stem
        for path in (ROOT / "gateway").iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem[0] != "_")
    }
    expected = {f"gateway.{name}" for name in others - {"sandbox"}} | {"gateway.__main__"}
    assert expected == set(rule["forbidden_modules"])


def test_core_uses_the_standard_library_only() -> None:
    users = users_of_libraries()

    assert set() == {library for library, packages in users.items() if "core" in packages}


def test_every_outside_library_has_one_home() -> None:
    users = users_of_libraries()

    assert {} == {
        library: packages
        for library, packages in users.items()
        if len(packages) > 1 and library not in SHARED
    }


@pytest.mark.parametrize(
    ("module", "not_wanted"),
    [
        ("gateway.app.roles.smtp", {"fastapi", "uvicorn", "typer", "alembic"}),
        ("gateway.app.roles.sender", {"fastapi", "uvicorn", "typer", "alembic", "aiosmtpd"}),
        ("gateway.app.roles.api", {"typer", "alembic", "aiosmtpd"}),
        (
            "gateway.app.roles.inbound",
            {"fastapi", "uvicorn", "typer", "aiosmtpd", "mailchimp_marketing"},
        ),
        # The licences of these two don't go together in one process.
        ("gateway.cli.commands", {"aioimaplib"}),
        ("gateway.app.checks.mailbox_calls", {"mailchimp_marketing"}),
    ],
)
def test_a_role_loads_only_what_it_needs(module: str, not_wanted: set[str]) -> None:
    code = f"import gateway.app.__main__, {module}, sys; print(*sys.modules)"

    done = run(sys.executable, "-c", code)

    assert done.returncode == 0, done.stderr
    assert set() == not_wanted & {name.partition(".")[0] for name in done.stdout.split()}


def test_a_class_name_has_one_meaning() -> None:
    assert {} == reused_class_names(modules())


def test_what_is_done_until_the_process_stops_is_done_by_the_runtime() -> None:
    """`every` and its like, or the one worker of queues; what is neither says why it is none."""
    loops = {
        str(path.relative_to(ROOT / "gateway"))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.While) and "stopping" in ast.unparse(node.test)
    }

    assert {
        "runtime/periodic.py",
        "runtime/queue_worker.py",
        "supervisor/worker.py",  # A process ends by itself: its end is the failure.
        "app/roles/sync.py",  # Waits for a key in new settings before it begins.
    } == loops


def test_a_pause_is_the_runtimes() -> None:
    """Nowhere else does anything wait until an event is set or a time is over."""
    pauses = {
        str(path.relative_to(ROOT / "gateway"))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.With)
        and "suppress(TimeoutError)" in ast.unparse(node.items[0])
        and ast.unparse(node.body[-1]).endswith(".wait()")
    }

    assert {"runtime/periodic.py", "runtime/queue_worker.py"} == pauses


# What no file may hold


def test_processes_of_python_are_started_without_the_modules_of_the_working_folder() -> None:
    starting = [path for path in MODULES if "sys.executable" in path.read_text()]

    assert [ROOT / "gateway/runtime/module_command.py"] == starting


def test_ids_are_made_under_a_number_of_the_store_only() -> None:
    """A second source with a number of its own choice would make the ids of another process."""
    makers = {str(path.relative_to(ROOT)) for path in MODULES if "IdSource(" in path.read_text()}

    assert {"gateway/runtime/process_ids.py", "gateway/smtp_proxy/proxy_services.py"} == makers


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if FOREIGN.search(line)
    }

    assert set() == found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_pin_by_hash_and_hold_no_address(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    for pinned in re.split(r"\n(?=\S)", text):
        assert re.match(r"[a-z0-9.-]+==\S+", pinned)
        assert "--hash=sha256:" in pinned


def test_the_development_lock_has_what_runs_at_the_same_versions_and_hashes() -> None:
    runtime, development = pinned("requirements.lock"), pinned("requirements-dev.lock")

    assert runtime.items() <= development.items()


@pytest.mark.parametrize(
    ("is_developer", "lock"),
    [(False, "requirements.lock"), (True, "requirements-dev.lock")],
)
def test_the_demo_sets_up_development_tools_only_where_they_are(
    tmp_path: Path, is_developer: bool, lock: str
) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path)
    if is_developer:  # of a lock file that has changed since
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv" / ".requirements-dev.lock").touch()
        os.utime(tmp_path / ".venv" / ".requirements-dev.lock", (0, 0))

    done = run("make", "-n", "-C", str(tmp_path), "demo")
    assert [lock] == re.findall(r"install .* -r (\S+)", done.stdout)


def test_nothing_is_a_stub() -> None:
    assert set() == {
        str(path.relative_to(ROOT))
        for path in MODULES
        if re.search(r"NotImplemented|\b(TODO|FIXME|XXX)\b", path.read_text())
    }


# Helpers


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def users_of_libraries() -> dict[str, set[str]]:
    """Return which packages of the gateway import each library that isn't Python's own."""
    users: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        package = path.relative_to(ROOT / "gateway").parts[0].removesuffix(".py")
        for name in imported(parsed(path)):
            if name not in sys.stdlib_module_names | {"gateway"}:
                users[name].add(package)
    return users


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name.partition(".")[0]


def tracked_files() -> list[Path]:
    done = run("git", "-c", "safe.directory=*", "ls-files", "-z")
    if done.returncode != 0:
        pytest.skip(f"needs a clone: {done.stderr.strip()}")
    return [path for name in done.stdout.split("\0") if (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def pinned(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return by package its version and the hashes of what may be installed."""
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text())
    pins = {}
    for entry in entries:
        package, _, rest = entry.partition("==")
        pins[package] = (rest.split()[0], frozenset(re.findall(r"--hash=(\S+)", entry)))
    return pins


# Migrations


def test_the_migrations_are_one_chain_that_ends_with_the_version_of_the_schema() -> None:
    texts = [file.read_text() for file in (ROOT / "gateway/store/migrations").rglob("0*.py")]
    steps = [re.findall(r'^(?:down_)?revision.* = (?:"(\d+)"|None)', text, re.M) for text in texts]
    revisions = sorted(own for own, _ in steps)

    assert sorted(set(revisions)) == revisions
    assert ["", *revisions[:-1]] == [before for _, before in sorted(steps)]
    assert revisions[-1] == VERSION.partition("-")[0]
