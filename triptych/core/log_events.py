"""Log events: a text and its values, for lines of text and of JSON alike."""

from __future__ import annotations


class LogEvent:
    """An event, as a message for :mod:`logging`.

    Parameters
    ----------
    text : str
        The same each time, so that it can be searched for.
    **values : object
        Variable parts: names, counts, reasons.
    """

    __slots__ = ("text", "values")

    def __init__(self, text: str, /, **values: object) -> None:
        self.text = text
        self.values = values

    def __str__(self) -> str:
        """Return the text with its values after it."""
        texts = {name: str(value) for name, value in self.values.items()}
        shown = (
            f"{name}={t!r}" if " " in t else f"{name}={t}" for name, t in texts.items()
        )
        return " ".join([self.text, *shown])
