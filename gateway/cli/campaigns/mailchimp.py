"""The Mailchimp account: activation, status, and a sandbox."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.campaigns.show import in_words, when_due
from gateway.cli.context import Context, Json, of
from gateway.cli.listing import ListColumns, ListRequest, in_memory, lists
from gateway.cli.output import one_line, print_json, print_line

if TYPE_CHECKING:
    from gateway.app.campaigns.mailchimp import AccountState
    from gateway.sync.activation import ActivationStep
    from gateway.sync.readiness import AccountTemplate

app = typer.Typer(help="The Mailchimp account campaigns go out through.", no_args_is_help=True)

_NO_TEMPLATES = "No templates. Make one at Mailchimp, under Content › Email templates."

_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be made.")]
_Port = Annotated[int, typer.Option(help="Where to listen; 0: any free port.", min=0, max=65535)]


@app.command("activate")
def activate(context: typer.Context, *, dry_run: _DryRun = False, as_json: Json = False) -> None:
    """Check the key, and find or make what campaigns need.

    That is the audience, its merge fields and the opt-out groups. It may be repeated: what exists
    is left alone.
    """
    from gateway.app import common
    from gateway.app.campaigns import mailchimp
    from gateway.sync.activation import Activation, StepResult

    invocation = of(context)
    client = mailchimp.client(invocation.settings)
    steps: list[ActivationStep] = []
    try:
        with invocation.store() as store:
            activation = Activation(
                client=client,
                database=store,
                wishes=mailchimp.wishes(invocation.settings),
                clock=common.now,
                dry_run=dry_run,
            )
            for step in activation.run():
                steps.append(step)
                if not as_json:
                    print_line(f"{step.did:<10}  {step.what}: {step.text}")
    finally:
        client.close()
    if as_json:
        print_json([{"what": done.what, "did": done.did, "text": done.text} for done in steps])
    raise typer.Exit(int(any(step.did is StepResult.FAILED for step in steps)))


@app.command("status")
def status(context: typer.Context, *, as_json: Json = False) -> None:
    """Show what a first campaign lacks, and when Mailchimp is read.

    Each line says what to do about it.
    """
    invocation = of(context)
    account = _account(invocation)
    if as_json:
        print_json(account.document())
    else:
        for prerequisite in account.standing.prerequisites():
            state = "ok" if prerequisite.is_met else "missing"
            print_line(f"{state:<8}  {prerequisite.name}: {prerequisite.text}")
        # When the account was last read, and when it will be next.
        audience, of_campaigns = account.standing.audience, account.reads
        if audience is not None:
            last, due = in_words(invocation, audience.synced_at), when_due(audience.next_sync)
            next_time = in_words(invocation, due)
            print_line(f"{'read':<8}  audience {audience.name}: {last}; next: {next_time}")
        if of_campaigns.campaigns:
            last, due = in_words(invocation, of_campaigns.last), when_due(of_campaigns.next)
            number, next_time = of_campaigns.campaigns, in_words(invocation, due)
            print_line(f"{'read':<8}  campaigns ({number}): {last}; next: {next_time}")
        else:
            print_line(f"{'read':<8}  campaigns: none at Mailchimp")
    raise typer.Exit(0 if account.is_ready else 1)


_TEMPLATES: "ListColumns[AccountTemplate]" = {
    "id": lambda template: template.id,
    "name": lambda template: one_line(template.name),
    "use": lambda template: template.fault or "can be used",
}


@app.command("templates")
@lists(has_since=False)
def templates(context: typer.Context, request: ListRequest) -> None:
    """List the account's templates.

    And whether campaigns can use them.
    """
    account = _account(of(context))
    documents = {document["id"]: document for document in account.templates()}
    request.print(
        in_memory(account.standing.templates, lambda template: str(template.id)),
        _TEMPLATES,
        document=lambda template: documents[template.id],
        empty=_NO_TEMPLATES,
    )


@app.command("sandbox")
def sandbox(*, port: _Port = 4010) -> None:
    """Run a make-believe Mailchimp account until Ctrl-C.

    It lives in memory: it needs no key and sends nothing.
    """
    from gateway.sandbox import Options, Sandbox

    with Sandbox(port=port, options=Options(lively=True)) as account:
        audience = account.furnish()
        print_line(
            "A Mailchimp account to try things with; it forgets them when it ends. In the config:"
        )
        print_line("")
        print_line("[mailchimp]")
        print_line('api_key = "sandbox-us1"')
        print_line(f'base_url = "{account.url}"')
        print_line(f'audience = "{audience}"')
        print_line("")
        print_line("It has a template (gateway mailchimp templates) and the domain crm.test.")
        try:
            account.wait()
        except KeyboardInterrupt:
            print_line("")


def _account(invocation: Context) -> "AccountState":
    from gateway.app.campaigns import mailchimp

    with invocation.store() as store:
        return mailchimp.account(invocation.settings, store)
