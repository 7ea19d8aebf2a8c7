"""Selectors: what a configuration may name, and which series it means."""

from __future__ import annotations

import pytest

from ingest.sources.prometheus.selector import Selector, read_labels


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("up", "up"),
        ("vllm:prompt_tokens_total {}", "vllm:prompt_tokens_total"),
        ("a{b = 'c' , d!~`x.*`,}", 'a{b="c",d!~"x.*"}'),
        (r'a{b="say \"hi\" \\ there"}', r'a{b="say \"hi\" \\ there"}'),
    ],
)
def test_a_selector_is_written_as_promql(text: str, written: str) -> None:
    assert str(Selector.parse(text)) == written
    assert Selector.parse(written) == Selector.parse(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rate(up[5m])", "no series selector"),
        ('{job="x"}', "no series selector"),
        ("up + up", "no series selector"),
        ("up[5m]", "no series selector"),
        ("up{job}", "no label matcher"),
        ('up{a="1" b="2"}', "a comma is missing"),
        ('up{a=~"("}', "cannot be read"),
        (r'up{a="\x"}', "escape"),
    ],
)
def test_what_is_no_selector_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Selector.parse(text)


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ('m{code="200"}', True),
        ('m{code!="200"}', False),
        ('m{code=~"2.."}', True),
        ('m{code=~"2"}', False),
        ('m{code!~"5.."}', True),
        ('m{absent=""}', True),
        ('m{absent!=""}', False),
        ("other", False),
    ],
)
def test_a_series_is_selected_as_prometheus_would(
    selector: str, *, is_selected: bool
) -> None:
    labels = {"__name__": "m", "code": "200"}
    assert Selector.parse(selector).selects(labels) is is_selected


def test_labels_of_an_exposition_line_are_read() -> None:
    assert read_labels(r'a="x,y",b="\"}",') == {"a": "x,y", "b": '"}'}
    assert read_labels("") == {}
    with pytest.raises(ValueError, match="no list of labels"):
        read_labels("a=1")
