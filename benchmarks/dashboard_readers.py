"""Readers who go through the pages of a dashboard at once, without a browser each.

Twenty browsers on the machine of the server would measure themselves. A reader here is
what the server sees of one: a session of its own on a WebSocket, which asks for a page
and reads every message until the server says that the page is whole.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from websockets.asyncio.client import ClientConnection

#: A page that takes longer counts as failed [s].
_PATIENCE_SECONDS: Final = 120.0
_MINUTE: Final = 60.0
_FIRST_PAGE: Final = "summary"


@dataclass(frozen=True, slots=True)
class Looked:
    """One page as one reader got it.

    Attributes
    ----------
    page : str
        Its address.
    seconds : float
        From the click to the last element.
    element_count : int
        How many elements came.
    problem : str
        What the page or the server said instead; empty where it is whole.
    """

    page: str
    seconds: float
    element_count: int
    problem: str = ""


def read_pages(
    address: str,
    pages: Sequence[str],
    *,
    users: int,
    rounds: int | None = None,
    seconds: float | None = None,
    pause_seconds: float = 0.0,
    each_minute: Callable[[], object] = lambda: None,
) -> list[Looked]:
    """Let readers go through pages at once, each in an order of its own.

    Parameters
    ----------
    address : str
        Host and port of the server.
    pages : sequence of str
        Addresses of pages.
    users : int
        How many readers.
    rounds : int, optional
        How often each goes through all pages.
    seconds : float, optional
        How long they read; the page that is open then is still read.
    pause_seconds : float
        How long a reader looks at a page, on average: half to one and a half of it.
    each_minute : callable
        Called each minute while they read.

    Returns
    -------
    list of Looked
        Every page that anybody asked for.
    """
    ends = time.monotonic() + (float("inf") if seconds is None else seconds)
    readers = [
        _Reader(address, pages, number, pause_seconds, ends, rounds)
        for number in range(users)
    ]
    return asyncio.run(_read(readers, each_minute))


async def _read(
    readers: Sequence[_Reader], each_minute: Callable[[], object]
) -> list[Looked]:
    clock = asyncio.create_task(_tick(each_minute))
    found = await asyncio.gather(*(reader.read() for reader in readers))
    clock.cancel()
    return [one for looked in found for one in looked]


async def _tick(each_minute: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(_MINUTE)
        each_minute()


@dataclass(frozen=True, slots=True)
class _Reader:
    address: str
    pages: Sequence[str]
    number: int
    pause_seconds: float
    ends: float
    rounds: int | None

    async def read(self) -> list[Looked]:
        chance = random.Random(self.number)
        looked: list[Looked] = []
        # Nobody begins in the same second.
        await asyncio.sleep(chance.random() * self.pause_seconds)
        async with connect(
            f"ws://{self.address}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
        ) as session:
            while not self._is_done(len(looked)):
                for page in chance.sample(self.pages, len(self.pages)):
                    if self._is_done(len(looked)):
                        break
                    looked.append(await _look(session, page))
                    await asyncio.sleep(self.pause_seconds * (0.5 + chance.random()))
        return looked

    def _is_done(self, count: int) -> bool:
        is_late = time.monotonic() >= self.ends
        return is_late or (
            self.rounds is not None and count >= self.rounds * len(self.pages)
        )


async def _look(session: ClientConnection, page: str) -> Looked:
    """Ask for a page and read it to its end."""
    asked = BackMsg()
    # The first page has no address of its own.
    asked.rerun_script.page_name = "" if page == _FIRST_PAGE else page
    started = time.perf_counter()
    await session.send(asked.SerializeToString())
    count, problem = 0, ""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                message = ForwardMsg.FromString(await session.recv(decode=False))
                kind = message.WhichOneof("type")
                if kind == "delta":
                    count += 1
                    problem = problem or _failure_of(message)
                elif kind == "page_not_found":
                    problem = "the server does not know the page"
                elif kind == "script_finished":
                    if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                        problem = problem or "the page did not come to its end"
                    break
    except TimeoutError:
        problem = f"not whole after {_PATIENCE_SECONDS:.0f} s"
    return Looked(page, time.perf_counter() - started, count, problem)


def _failure_of(message: ForwardMsg) -> str:
    """Return what an element says of a failure: a traceback, or our words for one."""
    element = message.delta.new_element
    kind = element.WhichOneof("type")
    if kind == "exception":
        return f"{element.exception.type}: {element.exception.message}"
    if kind == "alert" and element.alert.format == Alert.ERROR:
        return element.alert.body
    return ""
