"""Words for campaigns, their members and their problems on the pages."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from gateway.api.console.access import language_of, text_for
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
        "activate": text_for(request, "Activate Mailchimp"),
        "add": text_for(request, "Add people"),
        "prepare": text_for(request, "Prepare: who is in, what would change"),
        "recreate": text_for(request, "Create it again"),
        "recreate --template": text_for(request, "New campaign"),
        "send": text_for(request, "Send…"),
        "show": text_for(request, "Members"),
        "unschedule": text_for(request, "Take it out of the schedule"),
    }
    page_text = _COMMAND.sub(
        lambda command: f"“{buttons[command[1]]}”" if command[1] in buttons else command[0], text
    )
    return retell(language_of(request), page_text)


def detail_in_words(request: Request, detail: str) -> str:
    """Return what keeps a member out, from `MemberOut` form: `group Geen bulk-mail`, in words."""
    sources = {
        "group": text_for(request, "Group"),
        "status": text_for(request, "Status"),
        "staff": text_for(request, "Staff"),
        "bounce": text_for(request, "Bounce"),
        "complaint": text_for(request, "Complaint"),
        "unsubscribe": text_for(request, "Unsubscribed"),
        "erased": text_for(request, "Erased person"),
        "last_known": text_for(request, "As last known"),
        "unread_status": text_for(request, "Status that can't be read"),
    }
    source, blank, name = detail.partition(" ")
    if source not in sources:
        return in_words_of_the_page(request, detail)
    return sources[source] + blank + _OF_PERSON.sub(r"(\1)", name)


def state_names(request: Request) -> dict[str, str]:
    """Return the names of the states."""
    return {
        CampaignState.DRAFT: text_for(request, "draft"),
        CampaignState.OPENED: text_for(request, "at Mailchimp, not sent"),
        CampaignState.SCHEDULED: text_for(request, "scheduled"),
        CampaignState.SENDING: text_for(request, "being sent"),
        CampaignState.SENT: text_for(request, "campaign sent"),
        CampaignState.DELETED: text_for(request, "deleted"),
    }


def which_names(request: Request) -> dict[str, str]:
    """Return the names of the selections of members."""
    return {
        WhichMembers.ALL: text_for(request, "all members"),
        WhichMembers.IN: text_for(request, "those who are in"),
        WhichMembers.OUT: text_for(request, "those who are out"),
        WhichMembers.DROPPED: text_for(request, "those who dropped out"),
        WhichMembers.JOINED: text_for(request, "those who joined"),
    }


def reason_names(request: Request) -> dict[str, str]:
    """Return the names of the reasons for being out."""
    return {
        "opt_out": text_for(request, "wants no campaigns"),
        "suppressed": text_for(request, "gets no bulk mail"),
        "invalid_address": text_for(request, "the address can't be right"),
        "no_address": text_for(request, "has no address"),
        "duplicate": text_for(request, "another member has the address"),
        "unsubscribed": text_for(request, "unsubscribed at Mailchimp"),
        "cleaned": text_for(request, "Mailchimp found that the address bounces"),
        "refused": text_for(request, "Mailchimp refuses the address"),
        "unread": text_for(request, "what decides it could not be read"),
        "too_late": text_for(request, "came in, or got this address, too late for it"),
    }


def activity_names(request: Request) -> dict[str, str]:
    """Return the names of the activities."""
    return {
        "opened": text_for(request, "opened it"),
        "clicked": text_for(request, "clicked a link"),
        "bounced": text_for(request, "it came back"),
        "unsubscribed": text_for(request, "unsubscribed"),
    }


def bounce_names(request: Request) -> dict[str, str]:
    """Return the names of the kinds of bounces."""
    return {
        "hard": text_for(request, "for good: the address is wrong"),
        "soft": text_for(request, "for now: full, away or too large"),
    }


def plot_words(request: Request) -> CampaignPlotWords:
    """Return the texts of the plot, in agreement with the table above it."""
    return CampaignPlotWords(
        subtitle=text_for(request, "Sent to {count} on {sent} · as of {now}"),
        opened=text_for(request, "Opened"),
        not_by_machines=text_for(request, "not by machines"),
        with_machines=text_for(request, "with machines"),
        clicked=text_for(request, "Clicked"),
        unsubscribed=text_for(request, "Unsubscribed"),
        bounced=text_for(request, "Came back"),
        nothing=text_for(request, "Nothing yet"),
        form=PlotForm(day=DAY_FORMS[language_of(request)], thousands=""),  # As the pages do.
    )
