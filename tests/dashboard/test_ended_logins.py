"""Who signed out stays signed out, whichever server is asked, and after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dashboard.shared.ended_logins import EndedLogins

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 9, 30, 9, tzinfo=UTC)
MONTH = timedelta(days=31)


def test_an_ended_login_outlives_the_server_that_ended_it(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "ended_logins"
    other = EndedLogins(file)
    assert not other.has(b"ana")
    EndedLogins(file).add(b"ana", until=NOW + MONTH, now=NOW)
    assert EndedLogins(file).has(b"ana")
    assert other.has(b"ana")
    assert not other.has(b"ben")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_login_whose_cookie_is_over_is_forgotten_with_the_next(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ended_logins"
    EndedLogins(file).add(b"ana", until=NOW, now=NOW)
    EndedLogins(file).add(b"ben", until=NOW + MONTH, now=NOW + timedelta(seconds=1))
    assert file.read_text().split()[::2] == [b"ben".hex()]


def test_where_nothing_can_be_written_the_login_ends_for_this_server(
    tmp_path: Path,
) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    ended = EndedLogins(tmp_path / "runs" / "ended_logins")
    ended.add(b"ana", until=NOW + MONTH, now=NOW)
    assert ended.has(b"ana")


def test_a_line_that_is_none_ends_no_login(tmp_path: Path) -> None:
    file = tmp_path / "ended_logins"
    file.write_text("nonsense\n\nab cd ef\n" + b"ana".hex() + " 99999999999\n")
    assert EndedLogins(file).has(b"ana")
    assert not EndedLogins(file).has(b"nonsense")
