"""config/grafana.json: a dashboard that Grafana shows, over metrics that there are."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.rig.process import program, run

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "config" / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
#: What a histogram's series are called.
OF_HISTOGRAM = ("_bucket", "_count", "_sum")
COLUMNS = 24


def series() -> dict[str, set[str]]:
    """Return the labels of every series of the metrics in docs/events.md, which has them all."""
    rows = re.findall(
        r"^\| `(gateway_\w+)` \| (\w+) \|([^|]*)\|",
        (ROOT / "docs" / "events.md").read_text(),
        re.MULTILINE,
    )
    kept: dict[str, set[str]] = {}
    for name, kind, cell in rows:
        labels = set(re.findall(r"`(\w+)`", cell))
        if kind == "histogram":
            kept |= {f"{name}{end}": labels | {"le"} for end in OF_HISTOGRAM}
        else:
            kept[name] = labels
    return kept


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["expr"])
def test_a_query_asks_for_a_metric_and_labels_there_are(target: dict[str, Any]) -> None:
    query = target["expr"]
    asked = re.findall(r"\bgateway_\w+", query)
    grouped = {
        label for by in re.findall(r"\bby \(([^)]*)\)", query) for label in by.split(", ") if label
    }
    selected = set(re.findall(r"(\w+)=~?\"", query))
    shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

    assert asked
    assert set() == set(asked) - set(series())
    assert [] == [name for name in asked if not grouped | selected <= series()[name]]
    assert set() == shown - grouped


def test_it_shows_what_the_gateway_is_watched_by() -> None:
    shown = set(re.findall(r"\bgateway_\w+", " ".join(target["expr"] for target in TARGETS)))
    alerted = set(re.findall(r"\bgateway_\w+", (ROOT / "config" / "alerts.yml").read_text()))

    assert set() == alerted - shown


def test_it_has_what_grafana_wants_of_a_dashboard() -> None:
    [source] = DASHBOARD["templating"]["list"]

    assert ("datasource", "prometheus") == (source["type"], source["query"])
    assert DASHBOARD["title"]
    assert DASHBOARD["uid"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert not {"id", "__inputs"} & set(DASHBOARD), "what Grafana adds when it exports one"
    assert [1] == list(set(Counter(panel["id"] for panel in DASHBOARD["panels"]).values()))
    for panel in PANELS:
        references = [target["refId"] for target in panel["targets"]]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert panel["type"] in {"timeseries", "stat"}
        assert panel["title"]
        assert panel["description"]
        assert len(references) == len(set(references)) > 0
        assert all(it == {"type": "prometheus", "uid": "${datasource}"} for it in sources)


def test_no_panel_lies_on_another() -> None:
    cells = Counter(
        (column, line)
        for at in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for column in range(at["x"], at["x"] + at["w"])
        for line in range(at["y"], at["y"] + at["h"])
    )

    assert {1} == set(cells.values())
    assert set(range(COLUMNS)) == {column for column, _ in cells}


@pytest.mark.system
async def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    queries = [target["expr"].replace("$__rate_interval", "5m") for target in TARGETS]
    # promtool checks expressions in rules only; JSON is YAML.
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    done = await run(program("promtool", "prometheus"), "check", "rules", str(file))

    assert (0, "") == (done.returncode, done.stderr), done.stdout
