"""The report of what came back, as people ask for it."""

from gateway.core.plot import PlotBar, draw_bars, svg


def test_bars_are_as_long_as_their_shares_and_stay_on_the_paper() -> None:
    bars = [
        PlotBar(f"a{n}.example to b.example", n / 100, f"{n} %", n > 90) for n in range(100, 0, -1)
    ]

    drawn = svg(draw_bars("What came back", "Of 7 days", bars, nothing="Nothing."))

    assert 10 < drawn.count("<polyline") < 20
    assert "a100.example to b.example" in drawn
    assert "a1.example to b.example" not in drawn
    assert "Nothing." in svg(draw_bars("What came back", "", [], nothing="Nothing."))
