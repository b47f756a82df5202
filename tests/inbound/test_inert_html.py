"""HTML of mails as the console shows it: nothing of it leads elsewhere."""

import re

import pytest

from gateway.inbound.reading.markup import inert_html, safe_html


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="https://tracker.example/x.gif">', '<img src="cid:1">', '<img src="data:x">',
        '<a href="https://phish.example/">Your bank</a>', '<a href="javascript:alert(1)">x</a>',
        '<table background="https://x.example/b.png"><tr><td>x</td></tr></table>',
        '<p style="background:url(https://x.example/)">x</p>',
        "<style>@import url(https://x.example/a.css)</style>", "<script>alert(1)</script>",
        '<link rel="stylesheet" href="https://x.example/a.css">', '<base href="https://x.example/">',
        '<form action="https://x.example/"><input name="password"><button>ok</button></form>',
        '<iframe src="https://x.example/"></iframe>', '<object data="https://x.example/">x</object>',
        '<svg><image href="https://x.example/a.svg"/></svg>', '<video src="https://x.example/a">',
        '<meta http-equiv="refresh" content="0;url=https://x.example/">',
        '<p onclick="alert(1)" id="main" class="bar">x</p>', '<blockquote cite="https://x.example/">',
        "<details open ontoggle=alert(1)>x</details>", "<math><mi href='https://x.example'>x</mi></math>",
        "<!-- --!><img src=https://x.example/>", "<noscript><img src=https://x.example/></noscript>",
        "<td><a<b href=https://x.example>", "<textarea></p><img src=https://x.example/></textarea>",
    ],
)  # fmt: skip
def test_nothing_leads_elsewhere(markup: str) -> None:
    shown = inert_html(safe_html(markup))

    tags = " ".join(re.findall(r"<[^>]*>", shown))
    assert not re.search(r"https?:|cid:|data:|javascript|src|href|style|on\w+=|\bid=|class", tags)
    assert not re.search(r"<(img|a|form|input|button|script|iframe|svg|object|link|base)\b", tags)


def test_what_it_says_and_how_it_is_divided_stays() -> None:
    markup = (
        '<p>Dear <a href="https://x.example/">Ann</a></p>'
        '<table><tr><td colspan="2">x</td></tr></table>'
    )

    assert (
        '<p>Dear Ann</p><table><tbody><tr><td colspan="2">x</td></tr></tbody></table>'
        == inert_html(safe_html(markup))
    )


def test_no_part_of_a_mail_passes_for_a_part_of_the_page_around_it() -> None:
    markup = (
        '<main title="<nav>"><nav>one</nav><header>two</header><section>three</section>'
        "<footer>four</footer><aside>five</aside><article>six</article></main>"
        '<table><tr><td colspan="<main>" rowspan="2">seven</td></tr></table>'
    )

    shown = inert_html(safe_html(markup))

    assert shown == (
        "<div><div>one</div><div>two</div><div>three</div><div>four</div><div>five</div>"
        '<div>six</div></div><table><tbody><tr><td rowspan="2">seven</td></tr></tbody></table>'
    )
