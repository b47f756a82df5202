"""DKIM keys: creation, DNS records, and comparison with the DNS."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.context import Json, NotFound, of, wrong_use
from gateway.cli.output import print_json, print_line, print_table

if TYPE_CHECKING:
    from gateway.delivery.dkim_signer import DkimKey

app = typer.Typer(help="Keys that mail is signed with (DKIM).", no_args_is_help=True)

_NO_KEYS = "No keys in the config. `gateway dkim new DOMAIN` makes one, and says what to add there."

OneDomain = Annotated[
    str | None, typer.Argument(metavar="[DOMAIN]", help="Only the keys of this domain.")
]


@app.command("new")
def make_key(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain that signs.")],
    selector: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The key's name; by default gw and the year."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the key is put; by default NAME.DOMAIN.pem beside the config file.",
        ),
    ] = None,
    ed25519: Annotated[
        bool,
        typer.Option("--ed25519", help="Ed25519 instead of RSA 2048; not all receivers know it."),
    ] = False,
) -> None:
    """Make a key.

    Its DNS record and the lines for the config file are printed.
    """
    from gateway.app import common
    from gateway.config.load import config_file
    from gateway.delivery.dkim_signer import new_key, read_key

    name = selector or f"gw{common.now():%Y}"
    if not all(part.replace("-", "").isalnum() for part in (*name.split("."), *domain.split("."))):
        wrong_use(f"{name} and {domain} must be letters, digits, hyphens and dots")
    pem = new_key(ed25519=ed25519)
    # A key_file is relative to the config file's folder: there the printed line finds the key,
    # wherever the command was run. The config file itself is not read: it may already name the key.
    folder = config_file(of(context).file, os.environ).parent
    target = file or (folder if folder.is_dir() else Path()) / f"{name}.{domain}.pem"
    try:
        # Only its owner may read it, and an existing key is never overwritten.
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(pem)
    except FileExistsError:
        wrong_use(f"{target} is there already; give another --selector or --file")
    except OSError as error:
        wrong_use(f"{target}: {error.strerror or error}")
    made_key = read_key(pem, domain=domain, selector=name)
    print_line(f"Wrote {target}. Publish this record in the DNS:")
    print_line()
    _print_record(made_key.name, made_key.record)
    print_line()
    print_line("Then, in the config file:")
    print_line()
    print_line("[[dkim]]")
    key_file = str(file.absolute()) if file else target.name
    for setting, value in (("domain", domain), ("selector", name), ("key_file", key_file)):
        print_line(f'{setting} = "{value}"')


@app.command("show")
def show(context: typer.Context, domain: OneDomain = None, as_json: Json = False) -> None:
    """Print the DNS record of each key."""
    keys = _keys(context, domain)
    if as_json:
        print_json(
            [
                {
                    "domain": key.domain,
                    "selector": key.selector,
                    "algorithm": key.algorithm,
                    "bits": key.bits,
                    "name": key.name,
                    "record": key.record,
                }
                for key in keys
            ]
        )
        return
    for key in keys:
        _print_record(key.name, key.record)
    if not keys:
        print_line(_NO_KEYS)


@app.command("check")
def check(context: typer.Context, domain: OneDomain = None, as_json: Json = False) -> None:
    """Compare each key with what the DNS has.

    The exit code is 1 if one is wrong or missing there.
    """
    from gateway.app.checks.check_domains import record_problem

    results = [(key, record_problem(key)) for key in _keys(context, domain)]
    states = {None: "could not look: no DNS answers", "": "ok"}
    rows = [(key.name, key.algorithm, states.get(problem, problem)) for key, problem in results]
    if as_json:
        print_json(
            [{"name": name, "algorithm": kind, "state": state} for name, kind, state in rows]
        )
    else:
        print_table(("name", "algorithm", "state"), rows, empty=_NO_KEYS)
    raise typer.Exit(1 if any(problem for _, problem in results) else 0)


def _keys(context: typer.Context, domain: str | None) -> "Sequence[DkimKey]":
    """Return the keys, or those of a domain; NotFound if it has none."""
    from gateway.app.dkim_keys import dkim_keys
    from gateway.core.mail.address import domain_of
    from gateway.core.written import no_such_name

    keys = dkim_keys(of(context).settings)
    if domain is None:
        return keys
    domain_keys = [key for key in keys if key.domain == domain_of(f"x@{domain}")]
    if not domain_keys:
        names = sorted({key.domain for key in keys})
        raise NotFound(no_such_name("DKIM domain", domain, names), "gateway dkim new DOMAIN")
    return domain_keys


def _print_record(name: str, record: str) -> None:
    """Print a record as in zone files: strings of at most 255 octets (RFC 1035, 3.3)."""
    strings = [record[start : start + 250] for start in range(0, len(record), 250)]
    print_line(f"{name}. IN TXT ( " + " ".join(f'"{text}"' for text in strings) + " )")
