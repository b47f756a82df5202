"""`make docs`: take the pictures of the console that docs/console.md shows, into docs/console.

`python -m tests.screenshots NAME …` takes others, too.

The pages show the week of `sample_week.py`. A picture is written only where its page looks
otherwise than before.
"""

import asyncio
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from PIL import Image, ImageChops
from playwright.async_api import Browser, FilePayload, Page, StorageState

from tests.rig.browser import PHONE_HEIGHT, PHONE_WIDTH, chromium
from tests.rig.moved_clock import MovedClock
from tests.screenshots.sample_week import PASSWORD, USER, at, sample_gateway

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "console"
HOST = "gateway.crm.example"
WIDTH, HEIGHT = 1200, 600  #: CSS pixels.
TALLEST = 1000  #: What is further down is left out.
COLOURS = 32
#: Of the pixels; what another millisecond of the sample may change.
SAME_SHARE = 0.002

#: What differs from run to run: ids (which stay apart from one another), seconds, ports, a folder.
STEADY = r"""
() => {
  const known = new Map();
  const steady = (text) => text
    .replace(/\b0s[0-9a-z]{11}\b/g, (id) => {
      if (!known.has(id)) known.set(id, `0scb5r2k7${String(known.size).padStart(4, "0")}`);
      return known.get(id);
    })
    .replace(/\b(\d\d:\d\d):\d\d\b/g, "$1:00")
    .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:2525")
    .replace(/\/tmp\/gateway-pictures-\w+/g, "/var/lib/gateway");
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = steady(texts.currentNode.data);
  for (const field of document.querySelectorAll("input")) field.value = steady(field.value);
}
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What is filled in on a page, and the button that is pressed then."""

    press: str
    fills: Mapping[str, str] = field(
        default_factory=dict
    )  #: By a field's name; of a file its text.


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to take."""

    name: str
    path: str
    first: Sequence[str] = ()  #: Of where the first link to an address like this leads to, in turn.
    steps: Sequence["Step"] = ()  #: What is done there first.
    unfolds: str = ""  #: The summary of the first of the details that are to be seen.
    #: Words that come once what is looked at in the background is there.
    until: str = ""
    tallest: int = TALLEST
    is_dark: bool = False
    is_phone: bool = False


LOOKED = "Looked at"
REPLIED = "candidate:103"  #: Whose reply was forwarded and filed.
SENDER = {"from_name": "Recruiter", "from_address": "recruiter@crm.test"}
#: A file to be looked at before it is imported: one who is new, one changed, a day that isn't one.
MORE = """kind,crm_id,first_name,last_name,emails,birthday
candidate,309,Noor,Visser,noor@example.net,1992-02-11
candidate,306,Lotte,Peeters,lotte@example.net,1991-04-30
candidate,310,Timo,Blum,timo@example.net,1989-02-30
"""
SHOTS = (
    Shot("login", "login"),
    Shot("today", "today", until=LOOKED, tallest=1600),
    Shot("today-dark", "today", until=LOOKED, is_dark=True),
    Shot("today-phone", "today", until=LOOKED, is_phone=True),
    Shot("stop", "today/pause"),
    Shot("send-failed", "send-failed", unfolds="Why exactly"),
    Shot("message", "send-failed?to=hanna@example.net", first=("/messages/0s",), tallest=1500),
    Shot("people", "people?q=ann"),
    Shot("person", "people/candidate:302", tallest=1500),
    Shot("inbox", "inbox"),
    Shot("mail", "inbox", first=("/inbox/0s",)),
    Shot("reply", f"people/{REPLIED}", first=("/replies/0s",)),
    Shot("campaigns", "campaigns"),
    Shot("campaign", "campaigns", first=("/campaigns/0s",), tallest=1400),
    Shot("activities", "campaigns", first=("/campaigns/0s", "/activities")),
    Shot("account", "campaigns/account"),
    Shot("new-campaign", "campaigns/new"),
    Shot(
        "prepared",
        "campaigns/new",
        steps=(
            Step("Make it", {"name": "Open evening in January", **SENDER}),
            Step("Add", {"people": "candidate:302\ncandidate:303\ncandidate:101"}),
            Step("Prepare: who is in, what would change"),
        ),
    ),
    Shot("triggers", "triggers"),
    Shot("trigger", "triggers/birthday"),
    Shot("new-trigger", "triggers/new"),
    Shot("history", "triggers/history"),
    Shot("preview", "triggers/birthday/preview?on=2026-12-01"),
    Shot("template", "triggers/templates/birthday"),
    Shot("applications", "applications"),
    Shot("application", "applications/4711"),
    Shot(
        "warning",
        "applications/4711",
        steps=(Step("Change status", {"status": "invited", "by": USER}),),
    ),
    Shot("feed", "feed"),
    Shot(
        "upload", "feed", steps=(Step("Show what would change", {"kind": "people", "file": MORE}),)
    ),
    Shot("messages", "messages"),
    Shot("bounces", "bounces"),
    Shot("outbox", "outbox"),
    Shot("entry", "outbox", first=("/outbox/0s",)),
    Shot("acts", "acts"),
)


async def take_all(clock: MovedClock, port: int, shots: Sequence[Shot]) -> None:
    """Take every picture whose page there is."""
    start = f"http://{HOST}/console/"
    async with chromium(HOST, port) as browser:
        clock.set(at(day=4, hour=9))
        session = await signed_in(browser, start)
        for shot in shots:
            page = await opened(browser, shot, None if shot.path == "login" else session)
            if await is_shown(page, urljoin(start, shot.path), shot):
                keep(shot.name, await picture(page, shot.tallest))
            else:
                print(f"{shot.name}: there is no such page.")
            await page.context.close()


async def signed_in(browser: Browser, start: str) -> StorageState:
    """Sign in, and return the cookies by which one is known."""
    page = await (await browser.new_context()).new_page()
    await page.goto(urljoin(start, "login"))
    await page.fill("[name=user]", USER)
    await page.fill("[name=password]", PASSWORD)
    await page.click("main form button")
    session = await page.context.storage_state()
    await page.context.close()
    return session


async def opened(browser: Browser, shot: Shot, session: StorageState | None) -> Page:
    """Return a page as wide as the picture."""
    width, height = (PHONE_WIDTH, PHONE_HEIGHT) if shot.is_phone else (WIDTH, HEIGHT)
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.is_dark else "light",
        reduced_motion="reduce",
        locale="en",
        storage_state=session,
    )
    return await context.new_page()


async def is_shown(page: Page, address: str, shot: Shot) -> bool:
    """Go to where the picture is taken; whether there is such a page."""
    answer = await page.goto(address)
    for pattern in shot.first:
        leading = await first_link(page, pattern)
        answer = await page.goto(leading) if leading else None
    if answer is None or not answer.ok:
        return False
    if shot.until:
        await page_with(page, shot.until)
    for step in shot.steps:
        await do(page, step)
    if shot.unfolds:
        await page.locator("main summary", has_text=shot.unfolds).first.click()
    return True


async def do(page: Page, step: Step) -> None:
    """Fill in fields and press a button."""
    for name, value in step.fills.items():
        control = page.locator(f"main [name={name}]:visible")
        kind = await control.evaluate("control => control.type")
        if kind.startswith("select"):
            await control.select_option(value)
        elif kind == "file":
            await control.set_input_files(
                FilePayload(name="people.csv", mimeType="text/csv", buffer=value.encode())
            )
        else:
            await control.fill(value)
    button = page.locator("main").get_by_role("button", name=step.press, exact=True)
    await button.click()
    await page.wait_for_load_state()


async def page_with(page: Page, words: str) -> None:
    """Load a page again until it has these words; TimeoutError after a minute without them."""
    async with asyncio.timeout(60):
        while not await page.get_by_text(words).count():
            await asyncio.sleep(0.5)
            await page.reload()


async def first_link(page: Page, pattern: str) -> str:
    """Return the first address in the page that is like that; empty if there is none."""
    links = await page.eval_on_selector_all("main a[href]", "links => links.map(one => one.href)")
    return next((link for link in links if re.search(pattern, link)), "")


async def picture(page: Page, tallest: int) -> Image.Image:
    """Return what is seen of a page, in few colours."""
    await page.wait_for_load_state("networkidle")
    await page.evaluate(STEADY)
    taken = Image.open(io.BytesIO(await page.screenshot(full_page=True))).convert("RGB")
    seen = taken.crop((0, 0, taken.width, min(taken.height, tallest)))
    return seen.quantize(COLOURS, dither=Image.Dither.NONE)


def keep(name: str, taken: Image.Image) -> None:
    """Write a picture if it shows something else than the one that is there."""
    file = FOLDER / f"{name}.png"
    if file.exists() and is_alike(Image.open(file), taken):
        return
    FOLDER.mkdir(exist_ok=True)
    taken.save(file, optimize=True)
    print(f"Wrote docs/console/{file.name} ({file.stat().st_size / 1000:.0f} kB).")


def is_alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures differ in next to no pixel."""
    if one.size != other.size:
        return False
    differences = ImageChops.difference(one.convert("L"), other.convert("L"))
    differing = sum(differences.histogram()[25:])
    return differing <= SAME_SHARE * one.width * one.height


def main() -> None:
    """Take the pictures, or say what is missing for it."""
    page = (DOCS / "console.md").read_text()
    shots = [
        shot for shot in SHOTS if f"](console/{shot.name}.png)" in page or shot.name in sys.argv
    ]
    if not shots:
        return
    missing = [
        package
        for package, is_there in (
            ("chromium-headless-shell", shutil.which("chromium-headless-shell")),
            ("faketime", MovedClock.library()),
        )
        if not is_there
    ]
    if missing:
        names = " and ".join(missing)
        print(f"Without {names} the pictures in docs/console stay as they are (make packages).")
        return
    with tempfile.TemporaryDirectory(prefix="gateway-pictures-") as name:
        clock = MovedClock(Path(name) / "clock", look_seconds=1)
        with sample_gateway(Path(name), clock) as port:
            asyncio.run(take_all(clock, port, shots))


if __name__ == "__main__":
    main()
