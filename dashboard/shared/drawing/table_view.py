"""Look and behaviour of tables in a browser: sort, search, choose."""

from __future__ import annotations

from typing import Final

#: Added to the page once by the router, for every table. A shadow at an edge shows that
#: there is more beyond it; content on it is scrolled with the table. Borders are not
#: collapsed: a sticky cell would leave its border behind, and rows would show in the
#: gap.
STYLE: Final = """
<style>
.triptych-table {overflow: auto; margin: .1rem 0 .3rem; max-height: 25rem;
  --ground: var(--triptych-ground, Canvas);
  --shadow: color-mix(in srgb, currentColor 22%, transparent);
  background: linear-gradient(to left, var(--ground) 40%, transparent) right / 2.5rem
      100% no-repeat local,
    linear-gradient(to left, var(--shadow), transparent) right / .7rem 100% no-repeat}
.triptych-table.whole {max-height: none}
.triptych-table thead th {position: sticky; top: 0; z-index: 1;
  background: var(--triptych-ground, Canvas)}
.triptych-table tbody th {position: sticky; left: 0;
  background: var(--triptych-ground, Canvas)}
.triptych-table thead th:first-child {left: 0; z-index: 2}
.triptych-table tr.total:last-child > * {position: sticky; bottom: 0;
  background: var(--triptych-ground, Canvas)}
.triptych-table th button {all: unset; cursor: pointer; font: inherit;
  color: inherit}
.triptych-table th button:focus-visible {outline: 2px solid currentColor}
.triptych-table th[aria-sort="ascending"] button::after {content: " \\2191" / ""}
.triptych-table th[aria-sort="descending"] button::after {content: " \\2193" / ""}
.triptych-table details {display: inline-block; position: sticky; left: 0;
  font-size: .85rem; margin: .1rem .6rem .1rem 0; vertical-align: middle}
.triptych-table summary {cursor: pointer}
.triptych-table summary:focus-visible {outline: 2px solid currentColor}
.triptych-table details label {display: inline-block; margin: .2rem .8rem .2rem 0;
  white-space: nowrap}
.triptych-table input[type="search"] {font: inherit; color: inherit;
  background: transparent;
  border: 1px solid color-mix(in srgb, currentColor 35%, transparent);
  border-radius: .3rem; padding: .15rem .5rem; margin: .2rem 0 .4rem;
  position: sticky; left: 0; width: min(16rem, 80%)}
.triptych-table table {border-collapse: separate; border-spacing: 0; width: 100%;
  font-size: .93rem; font-variant-numeric: tabular-nums}
.triptych-table th, .triptych-table td {padding: .3rem 1.4rem .3rem 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 16%, transparent);
  text-align: left; vertical-align: top}
.triptych-table tr:has(+ tr.total) > * {border-bottom-width: 0}
.triptych-table thead th {font-weight: 600; opacity: .75; white-space: nowrap;
  border-bottom-width: 2px}
.triptych-table tbody th {font-weight: 400; min-width: 7.5rem}
.triptych-table .number {text-align: right; white-space: nowrap}
.triptych-table .short {white-space: nowrap}
.triptych-table .prose {min-width: min(18rem, 60vw)}
.triptych-table .reason {min-width: 9rem}
.triptych-table.wide table {font-size: .84rem}
.triptych-table.wide th, .triptych-table.wide td {padding-right: .6rem}
.triptych-table tr.total > * {font-weight: 650;
  border-top: 2px solid color-mix(in srgb, currentColor 40%, transparent)}
.triptych-table caption {text-align: left; font-weight: 600; padding-bottom: .2rem;
  max-width: calc(100vw - 2.5rem)}
</style>
"""


#: Added once by the router: a heading sorts its table, totals stay last, unknown stays
#: behind known, a search leaves the rows that have the words, and columns are chosen.
SCRIPT: Final = """
<script>
if (!window.sortsTables) {
  window.sortsTables = true;
  const number = /^-?[0-9.]+(e[-+]?[0-9]+)?$/;
  const key = (row, at) => {
    const cell = row.cells[at];
    const text = cell?.textContent ?? "";
    return cell?.dataset.order ?? (text.startsWith("\u2014") ? "" : text);
  };
  const compare = (a, b) => number.test(a) && number.test(b)
    ? Number(a) - Number(b) : a.localeCompare(b);
  document.addEventListener("click", event => {
    const head = event.target.closest(".triptych-table thead th");
    if (!head) return;
    const isUp = head.getAttribute("aria-sort") === "descending";
    for (const each of head.parentNode.cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
    const body = head.closest("table").tBodies[0], at = head.cellIndex;
    const rows = [...body.rows].filter(row => !row.classList.contains("total"));
    const totals = [...body.rows].filter(row => row.classList.contains("total"));
    rows.sort((x, y) => {
      const [a, b] = [key(x, at), key(y, at)];
      if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
      return isUp ? compare(a, b) : compare(b, a);
    });
    body.append(...rows, ...totals);
  });
  document.addEventListener("input", event => {
    const box = event.target.closest(".triptych-table input[type=search]");
    if (!box) return;
    const words = box.value.toLowerCase().split(" ").filter(Boolean);
    for (const row of box.closest(".triptych-table").querySelectorAll("tbody tr")) {
      const text = row.innerText.toLowerCase() || row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
  });
  document.addEventListener("change", event => {
    const box = event.target.closest(".triptych-table input[type=checkbox]");
    if (!box) return;
    for (const row of box.closest(".triptych-table").querySelectorAll("tr"))
      if (row.cells[box.value]) row.cells[box.value].hidden = !box.checked;
  });
}
</script>
"""
