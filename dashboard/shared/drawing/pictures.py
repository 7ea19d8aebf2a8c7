"""Charts as pictures: SVG or PNG with title, origin and mark.

Both are made by the browser from its drawing, so that no figure is drawn twice.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

if TYPE_CHECKING:
    from dashboard.shared.context import Page

#: Added to the page once by the router.
STYLE: Final = """
<style>
.triptych-pictures {text-align: right; font-size: .74rem; margin-top: -.9rem;
  position: relative}
.triptych-pictures button {all: unset; cursor: pointer; padding: 0 .25rem;
  color: inherit; opacity: .8}
.triptych-pictures button:hover {text-decoration: underline; opacity: 1}
.triptych-pictures button:focus-visible {outline: 2px solid currentColor}
</style>
"""
#: Added once by the router: a button saves the chart above it. A program that opens a
#: file may use different letters: texts of the chart keep their widths, and a line is
#: broken where it certainly fits.
SCRIPT: Final = """
<script>
if (!window.savesPictures) {
  window.savesPictures = true;
  const space = "http://www.w3.org/2000/svg";
  const element = (name, attributes, text = "") => {
    const made = document.createElementNS(space, name);
    Object.entries(attributes).forEach(pair => made.setAttribute(...pair));
    made.textContent = text;
    return made;
  };
  const lines = (text, length) => text.split(" ").reduce((said, word) => {
    const last = said.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= length)
      return [...said.slice(0, -1), `${last} ${word}`];
    return [...said, word];
  }, []);
  const framed = (chart, title, source) => {
    const style = getComputedStyle(document.querySelector("[data-testid=stApp]"));
    const width = Number(chart.getAttribute("width"));
    const height = Number(chart.getAttribute("height"));
    const heading = lines(title, Math.max(20, width / 8));
    const footing = lines(source, Math.max(20, width / 7));
    const top = 16 + 19 * heading.length, wide = width + 32;
    const tall = top + height + 16 * footing.length + 16;
    const whole = element("svg", {xmlns: space, width: wide, height: tall,
      viewBox: `0 0 ${wide} ${tall}`, "font-family": "Source Sans, sans-serif"});
    const ground = style.getPropertyValue("--triptych-ground") || "#fff";
    whole.append(element("rect", {width: wide, height: tall, fill: ground}));
    const write = (said, y, size, weight) => whole.append(element("text", {
      x: 16, y, "font-size": size, "font-weight": weight, fill: style.color}, said));
    heading.forEach((said, n) => write(said, 22 + 19 * n, 15, 600));
    footing.forEach((said, n) => write(said, top + height + 16 * (n + 1), 11, 400));
    const copy = chart.cloneNode(true), written = copy.querySelectorAll("text");
    chart.querySelectorAll("text").forEach((said, n) => {
      const length = said.getComputedTextLength();
      if (!length) return;
      written[n].setAttribute("textLength", length);
      written[n].setAttribute("lengthAdjust", "spacingAndGlyphs");
    });
    copy.setAttribute("x", 16);
    copy.setAttribute("y", top);
    whole.append(copy);
    return {text: new XMLSerializer().serializeToString(whole), wide, tall};
  };
  const painted = async ({text, wide, tall}) => {
    const image = new Image();
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * wide, 2 * tall];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise(done => canvas.toBlob(done, "image/png"));
  };
  document.addEventListener("click", async event => {
    const button = event.target.closest(".triptych-pictures button");
    const words = button?.parentNode.dataset;
    const place = button?.closest("[data-testid=stElementContainer]");
    const chart = place?.previousElementSibling?.querySelector("svg.marks");
    if (!chart) return;
    const svg = framed(chart, words.title, words.source);
    const blob = button.dataset.kind === "png" ? await painted(svg)
      : new Blob([svg.text], {type: "image/svg+xml"});
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${words.name}.${button.dataset.kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
}
</script>
"""
#: Words of its description that name the file of a picture.
_NAME_WORDS: Final = 8
_KINDS: Final = ("svg", "png")
#: Words of a kind of chart, such as "Stacked bars".
_KIND_WORDS: Final = 2


def offer(description: str, page: Page | None, of: str) -> None:
    """Offer the chart that was drawn last as a picture.

    Parameters
    ----------
    description : str
        Description of the chart: the picture's heading, and its name.
    page : Page, optional
        Page of the chart; without a page its figures are made up.
    of : str
        Subject of its figures, where that is not the selection above.
    """
    st.html(html_offer(description, page, of))


def html_offer(description: str, page: Page | None, of: str) -> str:
    """Return the HTML that offers a chart as a picture, every text escaped."""
    title = _title(description)
    name = "-".join(re.findall(r"[a-z0-9]+", title.lower())[:_NAME_WORDS])
    buttons = "".join(
        f'<button type="button" data-kind="{kind}" aria-label="Save as'
        f' {kind.upper()}: {escape(title)}">{kind.upper()}</button>'
        for kind in _KINDS
    )
    return (
        f'<div class="triptych-pictures" data-name="{escape(name)}"'
        f' data-title="{escape(title)}" data-source="{escape(_source(page, of))}">'
        f"{buttons}</div>"
    )


def _title(description: str) -> str:
    """Return the first sentence, without the kind of chart that it may begin with."""
    sentence = description.partition(". ")[0].rstrip(".")
    kind, _, shown = sentence.partition(": ")
    title = shown if shown and len(kind.split()) <= _KIND_WORDS else sentence
    return title[:1].upper() + title[1:]


def _source(page: Page | None, of: str) -> str:
    """Describe a picture's origin, and mark simulated data."""
    if page is None:
        return "Made-up figures"
    mark = ["SYNTHETIC: simulated data"] if page.run.is_synthetic else []
    shown = (page.run.organisation, of or page.drawn(), f"run {page.run.run_id}")
    return " \u00b7 ".join((*mark, *shown))
