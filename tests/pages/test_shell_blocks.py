"""Every block of shell in the pages does what it says, pasted one after another.

A block in `sh` is run. One that can't be has the reason in a comment before it,
`<!-- not run: it needs Docker -->`: of it the files it names are looked for. Nothing else is a
command.
"""

import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pages.markdown import PAGES, ROOT, Block, blocks
from tests.pages.setups import SETUPS, Trial
from tests.pages.shell import open_shell
from tests.rig.process import has_banner, wait_until
from tests.rig.sink import RawSink

SHELL = {
    str(page.relative_to(ROOT)): [one for one in blocks(page.read_text()) if one.language == "sh"]
    for page in PAGES
}
RUN = {page: [one for one in found if not one.not_run] for page, found in SHELL.items()}


@pytest.mark.parametrize(
    ("page", "block"),
    [(page, block) for page, found in SHELL.items() for block in found if block.not_run],
    ids=lambda value: value if isinstance(value, str) else f"line {value.line}",
)
def test_a_block_that_is_not_run_names_files_that_are_there(page: str, block: Block) -> None:
    for name in re.findall(r"/opt/gateway/((?!\.venv)[\w./-]+)", block.text):
        assert (ROOT / name).exists(), name
    assert len(block.not_run.split()) > 2, f"{page}, line {block.line}: say why it is not run"


@pytest.mark.system
@pytest.mark.parametrize("page", [page for page, found in RUN.items() if found])
async def test_every_block_of_a_page_runs(page: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(RawSink())
        trial = Trial(folder=tmp_path, relay=relay, stack=stack)
        await SETUPS[page](trial)
        shell = await stack.enter_async_context(open_shell(tmp_path, trial.environment))
        for number, block in enumerate(RUN[page]):
            if trial.before is not None:
                await trial.before(number)
            if block.text.strip() == "gateway run":
                await shell.run(replace(block, text="gateway run &\n"), trial.names)
                try:
                    await wait_until(lambda: has_banner(trial.port), "the gateway's banner", 20)
                except AssertionError as late:
                    raise AssertionError(shell.output(block)) from late
            else:
                trial.learn(await shell.run(block, trial.names))
