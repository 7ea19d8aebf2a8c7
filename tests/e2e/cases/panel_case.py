"""Outcomes of two shops and a counted process, with two studies of them.

What they must come to stands in the tests, worked out by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: To be ingested one after another: the second contradicts the first, and is newer.
SOURCES = ("crm", "erp", "post")
SETTINGS = """\
organisation: Example GmbH
currency: EUR
attribution: {processes: 1}
sources:
  - {name: crm, type: tables, stream: outcomes, path: crm.csv}
  - {name: erp, type: tables, stream: outcomes, path: erp.csv}
  - {name: post, type: tables, stream: process_volumes, path: post.csv}
"""
COLUMNS = "outcome_date,metric,unit,value,unit_of_measure,currency,arm"
#: Four days of two shops, the second unknown on 2 March; a price of the whole company.
CRM = f"""\
{COLUMNS}
2026-03-01,sales,mitte,100,EUR,EUR,control
2026-03-02,sales,mitte,110,EUR,EUR,control
2026-03-03,sales,mitte,120,EUR,EUR,control
2026-03-04,sales,mitte,130,EUR,EUR,control
2026-03-01,sales,wedding,50,EUR,EUR,assisted
2026-03-03,sales,wedding,70,EUR,EUR,assisted
2026-03-04,sales,wedding,80,EUR,EUR,assisted
2026-03-04,sales,wedding,81,EUR,EUR,assisted
2026-03-01,price_index,company,1,ratio,,
2026-03-02,price_index,company,1,ratio,,
2026-03-03,price_index,company,0.9,ratio,,
2026-03-04,price_index,company,0.9,ratio,,
2026-03-02,sales,mitte,inf,EUR,EUR,control
"""
#: Comes later, and says otherwise of one shop and day.
ERP = f"""\
{COLUMNS}
2026-03-03,sales,mitte,118.5,EUR,EUR,control
"""
POST = """\
volume_date,process_id,volume,automated_volume,handling_minutes
2026-03-02,letters,100,0,650
2026-03-03,letters,80,60,130
2026-03-03,letters,80,90,130
"""
SALES = """\
id: shop-assistant
feature: assistant
outcome: sales
outcome_unit: EUR
launch: 2026-03-03
window: {start: 2026-03-01, end: 2026-03-20}
treated: [wedding]
controls: [price_index, weather]
assignment: {column: arm, unit: shop}
"""
LETTERS = """\
id: letter-reading
feature: reading
outcome: letters
outcome_unit: minutes
launch: 2026-03-03
window: {start: 2026-03-02, end: 2026-03-05}
"""


def write_panel_case(root: Path) -> None:
    """Write the workspace."""
    files = {"triptych.yml": SETTINGS, "crm.csv": CRM, "erp.csv": ERP, "post.csv": POST}
    files |= {"studies/shops.yml": SALES, "studies/letters.yml": LETTERS}
    (root / "studies").mkdir(parents=True)
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
