"""Words for campaigns, their members and their problems on the pages."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from gateway.api.console.access import language_of, said
from gateway.api.console.languages import DAY_FORMS
from gateway.api.console.sentences import retell
from gateway.core.campaigns.campaign_report import CampaignPlotWords, PlotForm
from gateway.core.campaigns.campaigns import CampaignState
from gateway.store.campaigns.campaign_members import WhichMembers

_OF_PERSON = re.compile(r"\bof ((?:candidate|contact):\S+)\Z")
_COMMAND = re.compile(r"gateway (?:campaigns|mailchimp) ([a-z]+(?: --template)?)")


def with_remarks(request: Request, sentence: str, done: Mapping[str, Any]) -> str:
    """Return a sentence with remarks about what was done."""
    remarks = (in_words_of_the_page(request, remark) for remark in done.get("remarks", ()))
    return " ".join([sentence, *remarks])


def in_words_of_the_page(request: Request, text: str) -> str:
    """Return a campaign's problem, naming buttons on its page instead of commands.

    People who work here need not know that `gateway campaigns recreate` is “Create it again”.
    """
    buttons = {
        "activate": said(request, "Activate Mailchimp"),
        "add": said(request, "Add people"),
        "prepare": said(request, "Prepare: who is in, what would change"),
        "recreate": said(request, "Create it again"),
        "recreate --template": said(request, "New campaign"),
        "send": said(request, "Send…"),
        "show": said(request, "Members"),
        "unschedule": said(request, "Take it out of the schedule"),
    }
    page_text = _COMMAND.sub(
        lambda command: f"“{buttons[command[1]]}”" if command[1] in buttons else command[0], text
    )
    return retell(language_of(request), page_text)


def detail_in_words(request: Request, detail: str) -> str:
    """Return what keeps a member out, from `MemberOut` form: `group Geen bulk-mail`, in words."""
    sources = {
        "group": said(request, "Group"),
        "status": said(request, "Status"),
        "staff": said(request, "Staff"),
        "bounce": said(request, "Bounce"),
        "complaint": said(request, "Complaint"),
        "unsubscribe": said(request, "Unsubscribed"),
        "erased": said(request, "Erased person"),
        "last_known": said(request, "As last known"),
        "unread_status": said(request, "Status that can't be read"),
    }
    source, blank, name = detail.partition(" ")
    if source not in sources:
        return in_words_of_the_page(request, detail)
    return sources[source] + blank + _OF_PERSON.sub(r"(\1)", name)


def state_names(request: Request) -> dict[str, str]:
    """Return the names of the states."""
    return {
        CampaignState.DRAFT: said(request, "draft"),
        CampaignState.OPENED: said(request, "at Mailchimp, not sent"),
        CampaignState.SCHEDULED: said(request, "scheduled"),
        CampaignState.SENDING: said(request, "being sent"),
        CampaignState.SENT: said(request, "campaign sent"),
        CampaignState.DELETED: said(request, "deleted"),
    }


def which_names(request: Request) -> dict[str, str]:
    """Return the names of the selections of members."""
    return {
        WhichMembers.ALL: said(request, "all members"),
        WhichMembers.IN: said(request, "those who are in"),
        WhichMembers.OUT: said(request, "those who are out"),
        WhichMembers.DROPPED: said(request, "those who dropped out"),
        WhichMembers.JOINED: said(request, "those who joined"),
    }


def reason_names(request: Request) -> dict[str, str]:
    """Return the names of the reasons for being out."""
    return {
        "opt_out": said(request, "wants no campaigns"),
        "suppressed": said(request, "gets no bulk mail"),
        "invalid_address": said(request, "the address can't be right"),
        "no_address": said(request, "has no address"),
        "duplicate": said(request, "another member has the address"),
        "unsubscribed": said(request, "unsubscribed at Mailchimp"),
        "cleaned": said(request, "Mailchimp found that the address bounces"),
        "refused": said(request, "Mailchimp refuses the address"),
        "unread": said(request, "what decides it could not be read"),
    }


def activity_names(request: Request) -> dict[str, str]:
    """Return the names of the activities."""
    return {
        "opened": said(request, "opened it"),
        "clicked": said(request, "clicked a link"),
        "bounced": said(request, "it came back"),
        "unsubscribed": said(request, "unsubscribed"),
    }


def bounce_names(request: Request) -> dict[str, str]:
    """Return the names of the kinds of bounces."""
    return {
        "hard": said(request, "for good: the address is wrong"),
        "soft": said(request, "for now: full, away or too large"),
    }


def plot_words(request: Request) -> CampaignPlotWords:
    """Return the texts of the plot, in agreement with the table above it."""
    return CampaignPlotWords(
        subtitle=said(request, "Sent to {count} on {sent} · as of {now}"),
        opened=said(request, "Opened"),
        not_by_machines=said(request, "not by machines"),
        with_machines=said(request, "with machines"),
        clicked=said(request, "Clicked"),
        unsubscribed=said(request, "Unsubscribed"),
        bounced=said(request, "Came back"),
        nothing=said(request, "Nothing yet"),
        form=PlotForm(day=DAY_FORMS[language_of(request)], thousands=""),  # As the pages do.
    )
