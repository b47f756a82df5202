"""`gateway keys`: what is in the key file, a new key on top, and one that is lost."""

from tests.cli.conftest import Cli
from tests.cli.test_deleted_people import ANN, BOB, PEOPLE, sources, told


def test_a_new_key_goes_on_top_and_whoever_was_deleted_stays_suppressed(cli: Cli) -> None:
    told(cli)
    cli.feed("people", PEOPLE + BOB, "--replace", "--lift")
    (first,) = cli.json("keys", "list")

    cli.do("keys", "rotate")

    keys = cli.json("keys", "list")
    assert [False, True] == [each["mark"] == first["mark"] for each in keys]
    assert [True, False] == [each["signs"] for each in keys]
    assert [False, True] == [each["suppresses_since"] is not None for each in keys]
    assert [("erased", "bulk")] == sources(cli, ANN)


def test_a_lost_key_holds_bulk_mail_until_it_is_back_or_given_up_by_name(cli: Cli) -> None:
    told(cli)
    cli.feed("people", PEOPLE + BOB, "--replace", "--lift")
    (lost,) = cli.json("keys", "list")
    (cli.folder / "gateway.keys").unlink()

    assert (1, True) == (cli("keys", "list").code, "LOST" in cli("keys", "list").out)
    assert "keys.file" in cli("suppress", "show", ANN).err
    cli.do("keys", "rotate")  # A new file doesn't hide that the old key is gone.
    assert lost["mark"] in cli("suppress", "show", ANN).err

    assert 1 == cli("keys", "forget", "nonsense", "--by", "eva").code
    cli.do("keys", "forget", lost["mark"], "--by", "eva")

    assert [] == sources(cli, ANN)


def test_a_key_that_is_there_is_not_given_up(cli: Cli) -> None:
    told(cli)
    cli.feed("people", PEOPLE + BOB, "--replace", "--lift")
    (key,) = cli.json("keys", "list")

    assert "nothing is lost" in cli("keys", "forget", key["mark"], "--by", "eva").err
    assert [("erased", "bulk")] == sources(cli, ANN)
