#!/usr/bin/env bash
# Guess: a library that reads Excel's workbooks tells a cell with an error (#N/A, as a VLOOKUP that
#   found nothing leaves it) and a formula whose value isn't stored from a cell with nothing in it.
# What happens: python-calamine, the fast reader of .xlsx that pandas offers as an engine, gives the
#   empty text for all three, and nothing else of it says that there was an error. openpyxl gives
#   '#N/A' for the first, and None for the other two unless the formulas are asked for.
# Why it matters to a mail gateway: statuses are looked up in spreadsheets. A status that is #N/A reads
#   as no status, so whoever was out of all mail gets the next mailing. The gateway marks such cells
#   in the sheet's XML before the library reads it, and takes them for unreadable.
# Versions: python-calamine 0.9.1, openpyxl 3.1.5; 2026-11-28.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install -q python-calamine==0.9.1 openpyxl==3.1.5 2>/dev/null

timeout 60 venv/bin/python - <<'PYTHON'
import sys
from importlib.metadata import version

import openpyxl
from python_calamine import CalamineWorkbook

made = openpyxl.Workbook()
made.active.append(["error", "formula", "nothing", "text"])
made.active.append(["#N/A", '=VLOOKUP("x",D:D,1,FALSE)', None, "deceased"])
made.active["A2"].data_type = "e"
made.save("statuses.xlsx")

calamine = CalamineWorkbook.from_path("statuses.xlsx").get_sheet_by_index(0).to_python()[1]
[other] = openpyxl.load_workbook("statuses.xlsx", data_only=True).active.iter_rows(
    min_row=2, values_only=True
)
print(f"python-calamine {version('python-calamine')}: {calamine}")
print(f"openpyxl {version('openpyxl')}: {list(other)}")
if calamine != ["", "", "", "deceased"] or other != ("#N/A", None, None, "deceased"):
    sys.exit("no longer so")
PYTHON
