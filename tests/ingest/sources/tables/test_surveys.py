"""Surveys: answers on scales, and nobody's name."""

from __future__ import annotations

import hashlib
import hmac
import stat
from typing import TYPE_CHECKING

import pytest

from ingest.sources.tables.survey_answers import respondent_hash
from ingest.testing import ConnectorCase, ConnectorContract
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

HEADER = (
    "wave_id,submitted_on,group_id,item_id,scale_min,scale_max,value,respondent_key,"
    "invited_count\n"
)
SALT = "a-made-up-salt-for-the-tests"
PERSON = "jo.planted@example.com"
ASKED = "w1,2026-03-01,data,enps,0,10,,,9\n"


def answer(key: str, value: object, *, wave: str = "w1", item: str = "enps") -> str:
    return f"{wave},2026-03-02,data,{item},0,10,{value},{key},\n"


@pytest.fixture
def survey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIPTYCH_SURVEY_SALT", SALT)
    folder = tmp_path / "surveys"
    folder.mkdir()
    path = folder / "wave1.csv"
    path.write_text(HEADER + ASKED + answer(PERSON, 9) + answer("b", 3))
    return path


@pytest.fixture
def case(survey: Path, tmp_path: Path) -> ConnectorCase:
    def append(*lines: str) -> None:
        with survey.open("a") as file:
            file.writelines(lines)

    def deliver_late() -> dict[str, Decimal]:
        # Of a wave that is loaded, fewer than five would be held back.
        append(*(answer(f"c{n}", 7) for n in range(5)))
        return {}

    def deliver_hostile() -> int:
        append(
            *(answer(f"d{n}", 5) for n in range(5)),
            answer("f", f"sad; ask {PERSON}"),
            answer("g", 11),
            answer("b", 4),
        )
        return 3

    return ConnectorCase(
        connector_type="surveys",
        options={},
        root=tmp_path,
        expected_rows=3,
        expected_money={},
        deliver_again=survey.touch,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(PERSON, SALT),
    )


class TestSurveysContract(ConnectorContract):
    """The shipped suite."""


def test_a_respondent_is_a_hash_that_no_other_wave_shares(
    case: ConnectorCase, survey: Path
) -> None:
    with survey.open("a") as file:
        file.write(answer(PERSON, 8, wave="w2") + answer(PERSON, 6, item="tools"))
    case.ingest().raise_first_failure()
    rows = case.query(
        'select "wave_id" || "item_id", "respondent_hash"'
        ' from evidence.survey_responses where "value" in (9, 8, 6)'
    )
    hashes = {str(answered): hashed for answered, hashed in rows}
    content = f"w1\0{PERSON}".encode()
    expected = hmac.new(SALT.encode(), content, hashlib.sha256).hexdigest()[:32]
    assert hashes["w1enps"] == hashes["w1tools"] == expected
    assert hashes["w2enps"] != expected
    assert respondent_hash(b"another salt of mine", "w1", PERSON) != expected


def test_how_many_were_asked_is_a_row_without_a_value(case: ConnectorCase) -> None:
    case.ingest().raise_first_failure()
    assert case.query(
        'select "group_id", "invited_count", "respondent_hash"'
        ' from evidence.survey_responses where "value" is null'
    ) == [("data", 9, None)]


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ("comment", "comment"),
        ("Full Name", "full name"),
        (f"{PERSON} said", "number 10"),
    ],
)
def test_a_column_of_texts_refuses_the_file_before_anything_is_stored(
    case: ConnectorCase, survey: Path, more: str, shown: str
) -> None:
    survey.write_text(
        HEADER.replace("\n", f",{more}\n") + answer("a", 1).strip() + ",x\n"
    )
    report = case.ingest()
    with pytest.raises(MalformedDeliveryError, match=f"bring: {shown}") as caught:
        report.raise_first_failure()
    assert PERSON not in str(caught.value)
    assert any(
        not finding.is_ok and shown in finding.message
        for finding in case.connector().check()
    )


def test_a_missing_column_is_named(case: ConnectorCase, survey: Path) -> None:
    survey.write_text("wave_id,value\nw1,3\n")
    with pytest.raises(MalformedDeliveryError, match="submitted_on, group_id, item_id"):
        case.ingest().raise_first_failure()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (answer("x", ""), "it has neither value nor invited_count"),
        (answer("x", "NaN"), "value is no number"),
        (answer("b", 4), "the respondent answered twice"),
        (answer("x", 4).replace("2026-03-02", "2026-03-02T10:00"), "is no day such as"),
        (answer("x", 4).replace("data", PERSON), "group_id is no identifier"),
        (answer("x", 4).replace("w1,", ","), "wave_id is missing"),
        (answer("x", 4).replace("\n", ",extra\n"), "another number of columns"),
    ],
)
def test_a_bad_answer_says_why_and_never_what(
    case: ConnectorCase, survey: Path, line: str, why: str
) -> None:
    with survey.open("a") as file:
        file.write(line)
    case.ingest().raise_first_failure()
    [(content,)] = case.query("select row_content from catalogue.quarantine")
    assert "surveys/wave1.csv:5: " in str(content)
    assert why in str(content)
    assert PERSON not in str(content)


def test_without_a_variable_the_salt_is_made_once_for_its_owner_only(
    case: ConnectorCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRIPTYCH_SURVEY_SALT")
    case.ingest().raise_first_failure()
    salt = tmp_path / ".survey-salt"
    made = salt.read_text()
    assert len(made.strip()) == 64
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    assert case.ingest().committed == []
    assert salt.read_text() == made

    salt.chmod(0o644)
    with pytest.raises(SourceAccessError, match="Others may read the salt"):
        case.ingest().raise_first_failure()


def test_a_salt_that_can_be_guessed_is_refused(
    case: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_SURVEY_SALT", "pepper")
    with pytest.raises(SourceAccessError, match="fewer than 16") as caught:
        case.ingest().raise_first_failure()
    assert "pepper" not in str(caught.value)


def test_another_salt_reads_the_answers_anew(
    case: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.ingest().raise_first_failure()
    monkeypatch.setenv("TRIPTYCH_SURVEY_SALT", f"{SALT}-2")
    assert len(case.ingest().committed) == 1
