"""Editing triggers and templates on the command line, and what they will mail next."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.context import Context, Json, of, user_name, wrong_use
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists, newest_first
from gateway.cli.output import one_line, print_json, print_line
from gateway.cli.triggers.previews import show_preview
from gateway.core.errors import GatewayError
from gateway.core.triggers.trigger_edit import TriggerEdit
from gateway.core.written import counted
from gateway.documents.triggers.trigger_edits import trigger_edit_document
from gateway.store.engine.database import StoreTransaction
from gateway.store.triggers import trigger_edits

if TYPE_CHECKING:
    from gateway.app.triggers.editing import ProposedEdit, TriggerReach
    from gateway.documents.triggers.trigger_edits import DueDayDocument

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The trigger's file, without .toml.")]
_TemplateName = Annotated[str, typer.Argument(metavar="NAME", help="The template's folder.")]
_Event = Annotated[str, typer.Option("--event", metavar="EVENT", help="What it mails on.")]
_Template = Annotated[str, typer.Option("--template", metavar="NAME", help="What it mails.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the file, as TOML or as plain text."),
]
_Unset = Annotated[
    list[str] | None, typer.Option("--unset", metavar="KEY", help="A key to take out.")
]
_Whole = Annotated[
    Path | None, typer.Option("--text", metavar="FILE", help="A file with the whole text instead.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing; show the change.")]
_Yes = Annotated[
    bool, typer.Option("--yes", help="Go on even if it reaches people; otherwise you are asked.")
]
_Language = Annotated[
    str | None, typer.Option("--language", metavar="nl", help="The language of the text.")
]
_Text = Annotated[
    Path | None, typer.Option("--text", metavar="FILE", help="Its text, `Subject: …` first.")
]
_Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Its HTML.")]
_Remove = Annotated[
    str | None, typer.Option("--remove", metavar="nl", help="A language to take out.")
]
_Days = Annotated[int, typer.Option("--days", help="How many days, from today on.", min=1, max=366)]
_Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the others.")]
_AnyName = Annotated[
    str | None, typer.Argument(metavar="NAME", help="A trigger or template; by default all.")
]


class NotKept(GatewayError):
    """A change would reach people, and nobody has confirmed it."""


@lists(has_since=False)
def show_calendar(context: typer.Context, request: ListRequest, days: _Days = 14) -> None:
    """List what date events will mail in the next days.

    Counted as things stand now; `triggers preview NAME --on DATE` shows each mail of a day.
    """
    from gateway.app.triggers.editing_answers import TriggerEditing

    invocation = of(context)
    with invocation.store() as store:
        due = TriggerEditing(lambda: invocation.settings, store).calendar(days)["due"]
    in_order = sorted(due, key=lambda day: (day["day"], day["trigger"]))
    request.print(
        in_memory(in_order, lambda day: f"{day['day']} {day['trigger']}"),
        _DUE,
        document=lambda day: day,
        empty=f"Nothing is due in the next {counted(days, 'day')}. "
        "`gateway triggers list` shows what is on.",
    )


def _people(day: "DueDayDocument") -> str:
    people = (f"{person['person']} {person['name']}".strip() for person in day["people"])
    return one_line(", ".join(people) + (" …" if day["mails"] > len(day["people"]) else ""))


_DUE: ListColumns["DueDayDocument"] = {
    "day": lambda day: day["day"],
    "trigger": lambda day: day["trigger"],
    "mails": lambda day: day["mails"],
    "left out": lambda day: day["left_out"],
    "to": _people,
}


def log_as_usual(invocation: Context) -> None:
    """Log what is done here like the `sender` role, on standard error."""
    from gateway import logs

    settings = invocation.settings
    logs.setup(settings.log.level, settings.log.format, role="cli")


def hold(context: typer.Context, note: _Note = "") -> None:
    """Hold all triggered mail until `triggers resume`.

    What is due then, and still of use, goes out; nothing is lost.
    """
    from gateway.app.triggers.holding import hold_all

    invocation = of(context)
    log_as_usual(invocation)
    with invocation.store() as store:
        count = hold_all(store, by=user_name(), note=note)
    print_line(f"Held; mails that were due: {count}. `gateway triggers resume` lets them go.")


def show_trigger(context: typer.Context, name: _Name, as_json: Json = False) -> None:
    """Show a trigger's file, and what is wrong with it."""
    from gateway.app.triggers.editing_answers import TriggerEditing

    invocation = of(context)
    with invocation.store() as store:
        trigger = TriggerEditing(lambda: invocation.settings, store).trigger(name)
    if as_json:
        print_json(trigger)
        return
    print_line(f"{trigger['file']}{' (as shipped)' if trigger['is_shipped'] else ''}", "bold")
    print_line(trigger["text"].rstrip("\n"))
    for problem in trigger["problems"]:
        print_line(problem, "red")


def new_trigger(
    context: typer.Context,
    name: _Name,
    *,
    event: _Event,
    template: _Template,
    settings: _Set = None,
    dry_run: _DryRun = False,
) -> None:
    """Write a new trigger, which is off at first.

    Write its template first: `gateway triggers template`. See whom it would reach with
    `gateway triggers preview`, then turn it on with `gateway triggers enable`.
    """
    values = {"event": event, "template": template, **_values(settings or [])}
    _change(of(context), name, values, is_new=True, dry_run=dry_run, yes=False)


def edit_trigger(
    context: typer.Context,
    name: _Name,
    *,
    settings: _Set = None,
    unset: _Unset = None,
    text: _Whole = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
) -> None:
    """Change keys of a trigger's file, or all of it.

    It is checked first, comments stay, and running processes take it in by themselves. If the
    trigger is on, you are shown whom it reaches.
    """
    if (text is None) == (not settings and not unset):
        wrong_use("give --set and --unset, or --text")
    values = {**_values(settings or []), **dict.fromkeys(unset or [])}
    _change(of(context), name, values, text=text, dry_run=dry_run, yes=yes)


def enable(
    context: typer.Context, name: _Name, yes: _Yes = False, dry_run: _DryRun = False
) -> None:
    """Turn a trigger on, once it was shown whom it reaches."""
    _change(of(context), name, {"enabled": True}, dry_run=dry_run, yes=yes)


def disable(context: typer.Context, name: _Name) -> None:
    """Turn a trigger off; mail of it that is due is not sent."""
    _change(of(context), name, {"enabled": False}, dry_run=False, yes=False)


def change_template(
    context: typer.Context,
    name: _TemplateName,
    *,
    language: _Language = None,
    text: _Text = None,
    html: _Html = None,
    remove: _Remove = None,
    dry_run: _DryRun = False,
    as_json: Json = False,
) -> None:
    """Show a template, or write it in a language.

    A text is checked against every trigger that uses the template before it is written.
    """
    from gateway.app.triggers import editing
    from gateway.app.triggers.editing_answers import TriggerEditing
    from gateway.triggers.templates import TemplateSource

    invocation = of(context)
    if (language is None) != (text is None):
        wrong_use("a text needs --language and --text")
    if language is None and remove is None:
        with invocation.store() as store:
            template = TriggerEditing(lambda: invocation.settings, store).template(name)
        if as_json:
            print_json(template)
            return
        for text_shown in template["texts"]:
            print_line(
                f"{text_shown['file']}{' (as shipped)' if text_shown['is_shipped'] else ''}", "bold"
            )
            print_line(f"Subject: {text_shown['subject']}\n\n{text_shown['text']}")
            if text_shown["html"]:
                print_line("as HTML", "bold")
                print_line(text_shown["html"])
        for problem in template["problems"]:
            print_line(problem, "red")
        return
    texts: dict[str, TemplateSource | None] = {}
    if remove is not None:
        texts[remove] = None
    if language is not None and text is not None:
        own_html = None if html is None else _read(html)
        texts[language] = TemplateSource(file="", text=_read(text), html=own_html)
    is_known = name in editing.template_names(invocation.settings)
    version = editing.template_state(invocation.settings, name).version if is_known else ""
    proposed = editing.propose_template(invocation.settings, name, texts, version=version)
    _finish(invocation, proposed, dry_run=dry_run, yes=True)


@lists()
def list_edits(context: typer.Context, request: ListRequest, name: _AnyName = None) -> None:
    """List what was changed of triggers and templates, and by whom."""
    invocation = of(context)

    def read(connection: StoreTransaction, before: int | None, limit: int) -> Sequence[TriggerEdit]:
        return trigger_edits.list_edits(
            connection, name=name, since=request.since, before=before, limit=limit
        )

    def lines_of(edit: TriggerEdit) -> Iterator[tuple[TriggerEdit, str, str]]:
        return (
            (edit, change.file, line)
            for change in edit.changes
            for line in change.diff()
            if not line.startswith("@@")
        )

    with invocation.store() as store:
        request.print_lines(
            newest_first(store, read, lambda edit: edit.id),
            lines_of,
            _EDITED,
            document=trigger_edit_document,
            empty="No changes. What is changed by hand in the files is not written down.",
        )


_EDITED: ListColumns[tuple[TriggerEdit, str, str]] = {
    "time": lambda line: line[0].at,
    "by": lambda line: one_line(line[0].by),
    "what": lambda line: f"{line[0].what} {line[0].name}",
    "file": lambda line: Path(line[1]).name,
    "changed": lambda line: line[2],
}


def _values(settings: list[str]) -> Mapping[str, object]:
    """Parse `key=value`: as TOML if possible, otherwise as plain text."""
    from gateway.config.problems import NotToml, parse_toml

    values: dict[str, object] = {}
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key.strip():
            wrong_use(f"not KEY=VALUE: {setting}")
        try:
            values[key.strip()] = parse_toml(f"value = {value}")["value"]
        except NotToml:
            values[key.strip()] = value.strip()
    return values


def _read(file: Path) -> str:
    from gateway.config import read_text

    return read_text(file)


def _change(
    invocation: Context,
    name: str,
    values: Mapping[str, object],
    *,
    text: Path | None = None,
    is_new: bool = False,
    dry_run: bool,
    yes: bool,
) -> None:
    from gateway.app.triggers import editing

    version = "" if is_new else editing.trigger_state(invocation.settings, name).version
    proposed = editing.propose_trigger(
        invocation.settings,
        name,
        changes=values,
        text=None if text is None else _read(text),
        version=version,
    )
    _finish(invocation, proposed, dry_run=dry_run, yes=yes)


def _finish(invocation: Context, proposed: "ProposedEdit", *, dry_run: bool, yes: bool) -> None:
    """Show a change, ask if it reaches people, and write it."""
    from gateway.app.triggers import editing

    for change in proposed.changes:
        print_line(change.file, "bold")
        for line in change.diff():
            print_line(line, {"+": "green", "-": "red"}.get(line[:1], ""))
    for doubt in proposed.doubts:
        print_line(doubt, "yellow")
    if not proposed.changes:
        print_line("Nothing changes.")
        return
    with invocation.store() as store:
        if dry_run:
            if proposed.must_be_confirmed:
                reached = editing.reach(invocation.settings, store, proposed)
                if reached.preview is not None:
                    show_preview(reached.preview)
            return
        token = ""
        while True:
            try:
                editing.keep(
                    invocation.settings,
                    store,
                    proposed,
                    by=user_name(),
                    token=token,
                    is_confirmed=yes,
                )
            except editing.ReachUnconfirmed as error:
                _ask(error.reach)
                token = error.reach.token
            else:
                break
    is_off = proposed.checked is not None and not proposed.checked.trigger.enabled
    print_line("Written; it is off." if is_off else "Written.")


def _ask(reach: "TriggerReach") -> None:
    """Show whom a trigger reaches, and continue only if that is wanted."""

    if reach.preview is not None:
        show_preview(reach.preview)
    print_line(reach_words(reach))
    if not sys.stdin.isatty():
        raise NotKept("nothing was written: look at it with --dry-run, then repeat with --yes")
    if not typer.confirm("Turn it on so?", err=True):
        raise typer.Abort


def reach_words(reach: "TriggerReach") -> str:
    """Return in words whom a trigger will mail in the next days."""
    if reach.preview is None:
        return "It mails nobody now; from then on whenever its event happens."
    later = sum(day.mails for day in reach.days[1:])
    return f"Today: {counted(len(reach.preview.mails), 'mail')}; in the 13 days after: {later}."
