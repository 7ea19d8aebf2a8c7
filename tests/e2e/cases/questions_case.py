"""The questions that people open the dashboard with, and what SQL answers to each.

A question names where its answer stands: on the first screen of *Summary*, or behind
clicks from there. What must stand there is asked of the marts with ``triptych sql``,
in other words than the pages ask. A page that is new adds its questions as a line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from dashboard.shared import format as fmt
from triptych.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Expected = Callable[["Asked"], list[str]]

_SPEND = "step NOT IN ('ledger', 'out_of_scope', 'tax', 'credit')"


@dataclass(frozen=True, slots=True)
class Asked:
    """A month of a workspace, which can be asked anything."""

    root: Path
    month: str
    currency: str = "EUR"

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return what ``triptych sql`` answers."""
        query = query.format(month=self.month, currency=self.currency, spend=_SPEND)
        told = CliRunner().invoke(app, ["sql", query, "--json", "-w", str(self.root)])
        assert told.exit_code == 0, told.output
        answer: list[dict[str, Any]] = json.loads(told.stdout)
        return answer

    def one(self, query: str) -> dict[str, Any]:
        """Return the only row of an answer."""
        [row] = self.rows(query)
        return row

    def money(self, query: str) -> str:
        """Return the amount of an answer as pages write it."""
        return fmt.money(Decimal(self.one(query)["amount"]), self.currency)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the page with its answer, and what must be read there.

    ``page`` is the name in the menu, one click from *Summary*; nothing is the first
    screen of *Summary* itself. Of a list the answer is its head, the largest first.
    """

    number: int
    words: str
    page: str
    expected: Expected

    def is_answered(self, expected: Sequence[str], shown: str) -> bool:
        """Tell whether a text has all that is expected, near enough to be one answer.

        Parameters
        ----------
        expected : sequence of str
            What SQL answers, as pages write it.
        shown : str
            The text of a screen.
        """
        said = _plain(shown)
        near = words_around([_plain(part) for part in expected], said)
        return near is not None and near <= WORDS_AROUND


#: Words of a screen in which an answer stands.
WORDS_AROUND = 40


def words_around(parts: Sequence[str], text: str) -> int | None:
    """Return in how few words of a text all parts stand; ``None`` if one is missing."""
    places = [
        (found.start(), found.end(), number)
        for number, part in enumerate(parts)
        for found in re.finditer(re.escape(part), text)
    ]
    least = None
    for start, _, _ in places:
        ends = [
            min(
                (end for at, end, number in places if number == part and at >= start),
                default=None,
            )
            for part in range(len(parts))
        ]
        known = [end for end in ends if end is not None]
        if len(known) == len(parts):
            count = len(text[start : max(known)].split())
            least = count if least is None else min(least, count)
    return least


def _plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def month_to_ask(root: Path) -> Asked:
    """Return the newest month that is reconciled."""
    rows = Asked(root, "").rows(
        "SELECT max(billing_month) AS month FROM cost.mart_period_states"
        " WHERE state IN ('reconciled', 'locked')"
    )
    return Asked(root, rows[0]["month"])


# ------------------------------------------------------------ on the first screen


def _spent(asked: Asked) -> list[str]:
    amount = asked.one(
        "SELECT sum(effective_cost) AS amount FROM cost.mart_cost_waterfall"
        " WHERE billing_month = '{month}' AND currency = '{currency}' AND {spend}"
    )["amount"]
    state = asked.one(
        "SELECT state FROM cost.mart_period_states WHERE billing_month = '{month}'"
    )["state"]
    # The chip in the bar has the state, the first sentence beneath it the amount.
    rounded = fmt.compact(Decimal(amount), asked.currency)
    return [f"AI cost {rounded}", state.capitalize()]


def _against(asked: Asked) -> list[str]:
    row = asked.one(
        "WITH months AS (SELECT billing_month, sum(effective_cost) AS amount"
        " FROM cost.mart_cost_waterfall WHERE currency = '{currency}' AND {spend}"
        " GROUP BY ALL) SELECT CAST(b.amount / a.amount - 1 AS DOUBLE) AS change"
        " FROM months AS a, months AS b WHERE b.billing_month = '{month}'"
        " AND a.billing_month = strftime(CAST('{month}-01' AS DATE)"
        " - INTERVAL 1 MONTH, '%Y-%m')"
    )
    budget = asked.money(
        "SELECT budget_amount AS amount FROM cost.mart_budget_variance WHERE"
        " billing_month = '{month}' AND scope_type = 'all' AND currency = '{currency}'"
    )
    return [fmt.signed_percent(row["change"]), f"budget {budget}"]


def _drivers(asked: Asked) -> list[str]:
    rows = asked.rows(
        "WITH sums AS (SELECT sum(rate_amount) AS rate, sum(volume_amount) AS volume,"
        " sum(efficiency_amount) AS efficiency, sum(purchase_mix_amount) AS purchase,"
        " sum(mix_amount) AS mix, sum(new_amount) AS new, sum(other_amount) AS other,"
        " sum(retired_amount) AS retired, sum(correction_amount) AS correction,"
        " sum(unused_commitment_amount) AS unused, sum(fx_amount) AS fx"
        " FROM cost.mart_cost_bridge WHERE billing_month = '{month}'"
        " AND basis = 'effective' AND currency = '{currency}'"
        " AND cost_line NOT IN ('tax', 'credit')"
        " AND prior_billing_month = strftime(CAST('{month}-01' AS DATE)"
        " - INTERVAL 1 MONTH, '%Y-%m'))"
        " SELECT amount FROM (UNPIVOT sums ON COLUMNS(*) INTO NAME bar VALUE amount)"
        " ORDER BY abs(amount) DESC LIMIT 3"
    )
    return [fmt.signed_money(Decimal(r["amount"]), asked.currency) for r in rows]


def _unit_cost(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT 1000 * CAST(sum(request_metered_cost) AS DOUBLE) / sum(requests)"
        " AS unit"
        " FROM cost.mart_model_unit_costs WHERE billing_month = '{month}'"
        " AND currency = '{currency}' AND request_cost_reason IS NULL"
    )
    return [fmt.short_unit_cost(row["unit"], asked.currency)]


def _largest(asked: Asked) -> list[str]:
    rows = asked.rows(
        "SELECT any_value(model_name) AS model, sum(effective_cost) AS amount"
        " FROM cost.fct_daily_model_costs JOIN core.dim_models USING (model_id)"
        " WHERE billing_month = '{month}' AND currency = '{currency}' AND component"
        " IN ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')"
        " GROUP BY model_id ORDER BY amount DESC LIMIT 3"
    )
    return [
        f"{row['model']} {fmt.compact(Decimal(row['amount']), asked.currency)}"
        for row in rows
    ]


def _unowned(asked: Asked) -> list[str]:
    amount = asked.money(
        "SELECT sum(effective_cost) AS amount FROM cost.mart_cost_waterfall WHERE"
        " billing_month = '{month}' AND currency = '{currency}'"
        " AND step = 'unallocated'"
    )
    return [f"{amount} ("]


def _faster(asked: Asked) -> list[str]:
    row = asked.one(
        "WITH leads AS (SELECT scope_id, month, metric_value, interval_low,"
        " interval_high"
        " FROM delivery.mart_velocity WHERE scope_kind = 'team'"
        " AND metric = 'change_lead_time')"
        " SELECT count(*) FILTER (b.interval_high < a.interval_low) AS faster,"
        " count(*) FILTER (b.interval_low > a.interval_high) AS slower"
        " FROM leads AS a JOIN leads AS b USING (scope_id)"
        " WHERE b.month = '{month}' AND a.month = strftime(CAST('{month}-01' AS DATE)"
        " - INTERVAL 1 MONTH, '%Y-%m') AND a.metric_value IS NOT NULL"
        " AND b.metric_value IS NOT NULL"
    )
    if not row["faster"] + row["slower"]:
        return ["no real change"]
    return [f"{row['faster']} faster, {row['slower']} slower"]


def _net_value(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT net_value, net_value_low_90 AS low, net_value_high_90 AS high"
        " FROM roi.mart_portfolio_roi AS r WHERE r.\"window\" = 'until_{month}'"
    )
    if row["net_value"] is None:
        return ["No feature has both evidence of grade A or B and approved assumptions"]
    return [
        fmt.estimate(row["net_value"], asked.currency),
        fmt.interval(row["low"], row["high"], asked.currency),
    ]


def _grades(asked: Asked) -> list[str]:
    rows = asked.rows(
        "SELECT grade, count(*) AS count FROM roi.mart_feature_roi AS r"
        " WHERE r.\"window\" = 'until_{month}' GROUP BY grade ORDER BY grade"
    )
    return [", ".join(f"{row['grade']}{row['count']}" for row in rows)]


# ------------------------------------------------------------ one click from there


def _invoices(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT count(*) FILTER (state = 'reconciled') AS tie, count(*) AS every"
        " FROM cost.mart_invoice_reconciliation WHERE billing_month = '{month}'"
    )
    return [f"{row['tie']} of {row['every']}"]


def _to_accrue(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT count(*) FILTER (accrual_amount <> 0) AS open, max(accrual_amount)"
        " AS amount FROM cost.mart_accruals WHERE billing_month = '{month}'"
    )
    if row["open"]:
        return [fmt.money(Decimal(row["amount"]), asked.currency)]
    return ["every charge has a final invoice"]


def _since_lock(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT count(*) AS count FROM cost.mart_period_adjustments"
        " WHERE locked_month = '{month}'"
    )
    return [f"{row['count']} adjustment"]


def _statements(asked: Asked) -> list[str]:
    """Expect the total, the three largest, and the others together."""
    rows = asked.rows(
        "SELECT coalesce(cost_center, 'Without a cost centre') AS label,"
        " sum(effective_cost) AS amount FROM cost.fct_daily_model_costs"
        " WHERE billing_month = '{month}' AND currency = '{currency}'"
        " GROUP BY ALL ORDER BY amount DESC"
    )
    amounts = [Decimal(row["amount"]) for row in rows]
    others = sum(amounts[3:], Decimal(0))
    largest = [f"{row['label']} {fmt.amount(Decimal(row['amount']))}" for row in rows]
    return [
        fmt.money(sum(amounts, Decimal(0)), asked.currency),
        *largest[:3],
        f"{fmt.plural(len(rows) - 3, 'other')} {fmt.amount(others)}",
    ]


def _idle(asked: Asked) -> list[str]:
    return [
        asked.money(
            "SELECT sum(requested_idle_effective_cost)"
            " + sum(infrastructure_idle_effective_cost) AS amount"
            " FROM delivery.mart_accelerator_efficiency"
            " WHERE billing_month = '{month}' AND currency = '{currency}'"
        )
    ]


def _purposes(asked: Asked) -> list[str]:
    rows = asked.rows(
        "SELECT lifecycle_stage AS stage, sum(effective_cost) AS amount"
        " FROM cost.fct_daily_model_costs WHERE billing_month = '{month}'"
        " AND currency = '{currency}' AND model_id IS NOT NULL AND component"
        " IN ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')"
        " GROUP BY ALL ORDER BY amount DESC"
    )
    return [fmt.money(Decimal(rows[0]["amount"]), asked.currency), rows[0]["stage"]]


def _landing(asked: Asked) -> list[str]:
    rows = asked.rows(
        "SELECT outturn_cost, outturn_cost_low AS low, outturn_cost_high AS high"
        " FROM cost.mart_cost_outturns WHERE series = 'total'"
        " AND currency = '{currency}'"
    )
    error = asked.one(
        "SELECT DISTINCT backtest_error_ratio AS ratio FROM cost.mart_cost_forecasts"
        " WHERE series = 'total' AND currency = '{currency}'"
    )
    said = [fmt.estimate(row["outturn_cost"], asked.currency) for row in rows]
    said += [fmt.interval(r["low"], r["high"], asked.currency) for r in rows]
    return [*said, f"its error was {fmt.percent(error['ratio'])}"]


def _commitments(asked: Asked) -> list[str]:
    """Expect what will expire unused at this pace, and what did, by name."""
    rows = asked.rows(
        "SELECT commitment_name AS name, state, currency, ends_on,"
        " CASE state WHEN 'running' THEN at_risk_amount ELSE"
        " unused_at_expiry_amount END AS amount"
        " FROM cost.mart_commitment_burn_down"
        " WHERE is_newest AND state IN ('running', 'expired')"
    )
    assert rows
    unused = [row for row in rows if row["amount"] and Decimal(row["amount"])]
    if not unused:
        return ["No commitment is at risk of expiring unused"]
    return [
        f"{row['name']} {fmt.money(Decimal(row['amount']), row['currency'])}"
        for row in unused
    ]


def _busiest(asked: Asked) -> str:
    row = asked.one(
        "SELECT scope_id FROM delivery.mart_velocity WHERE scope_kind = 'model'"
        " GROUP BY scope_id ORDER BY sum(n_used) DESC, scope_id LIMIT 1"
    )
    return str(row["scope_id"])


def _bottleneck(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT median(date_diff('second', committed_at, merged_at)) / 3600.0 AS merge,"
        " median(date_diff('second', merged_at, deployed_at)) / 3600.0 AS ship"
        " FROM delivery.fct_changes WHERE month = '{month}' AND lead_time_seconds"
        f" IS NOT NULL AND model_id = '{_busiest(asked)}'"
    )
    return [fmt.decimal(row["merge"]), fmt.decimal(row["ship"]), "commit to merge"]


def _cost_per_deployment(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT CAST(sum(effective_cost) AS DOUBLE) AS cost, any_value(deployments)"
        " AS deployments FROM cost.fct_daily_model_costs, (SELECT deployment_count"
        " AS deployments FROM delivery.mart_delivery_costs WHERE month = '{month}'"
        f" AND scope_kind = 'model' AND scope_id = '{_busiest(asked)}')"
        " WHERE billing_month = '{month}' AND currency = '{currency}'"
        f" AND model_id = '{_busiest(asked)}' AND component"
        " IN ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')"
    )
    cost = row["cost"] / row["deployments"]
    return [fmt.short_unit_cost(cost, asked.currency)]


def _effects(asked: Asked) -> list[str]:
    rows = asked.rows(
        "SELECT grade, count(*) AS count FROM attribution.studies GROUP BY ALL"
    )
    found = asked.rows(
        "SELECT relative_effect AS effect FROM attribution.estimates"
        " WHERE estimand = 'average' AND relative_effect IS NOT NULL"
    )
    mix = [f"{row['count']} {row['grade']} ·" for row in rows]
    return [*mix, *(fmt.signed_percent(row["effect"]) for row in found)]


def _left_out(asked: Asked) -> list[str]:
    rows = asked.rows(
        "SELECT not_counted_reason AS why FROM roi.mart_feature_roi AS r"
        " WHERE r.\"window\" = 'until_{month}' AND NOT counted"
    )
    assert rows
    return [row["why"] for row in rows]


def _to_stop(asked: Asked) -> list[str]:
    rows = asked.rows(
        "SELECT feature_name, net_value FROM roi.mart_feature_roi AS r"
        " JOIN core.dim_features USING (feature_id)"
        " WHERE r.\"window\" = 'until_{month}' AND net_value < 0"
    )
    return [fmt.estimate(row["net_value"], asked.currency) for row in rows]


def _made_of(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT sum(effective_cost) AS amount, count(*) AS count,"
        " any_value(run_id) AS run FROM cost.fct_daily_model_costs, core.mart_run"
        " WHERE billing_month = '{month}' AND fct_daily_model_costs.currency"
        " = '{currency}'"
    )
    amount = fmt.money_exact(Decimal(row["amount"]), asked.currency)
    return [amount, f"{row['count']:,} rows", row["run"], "Work it out again"]


def _saved(asked: Asked) -> dict[str, Any]:
    """Return the newest scenario that is saved: results are files, and no mart."""

    def told(*words: str) -> Any:
        command = ["scenario", *words, "--json", "-w", str(asked.root)]
        shown = CliRunner().invoke(app, command)
        assert shown.exit_code == 0, shown.output
        return json.loads(shown.stdout)

    result: dict[str, Any] = told("show", told("list")[0]["scenario_id"])
    return result


def _moves_most(asked: Asked) -> list[str]:
    ends = "difference_at_low", "difference_at_high"
    rows = [row for row in _saved(asked)["tornado"] if row[ends[0]] is not None]
    widest = max(rows, key=lambda row: abs(row[ends[1]] - row[ends[0]]))
    known = widest["break_even_difference"] is not None
    even = "It breaks even at" if known else "It has no break-even"
    return [f"{widest['driver']} moves it most", even]


def _pays(asked: Asked) -> list[str]:
    found = _saved(asked)["summary"]
    never = found["difference_probability_never_paid_back"]
    return [
        fmt.estimate(found["npv"], asked.currency),
        fmt.interval(found["npv_low_90"], found["npv_high_90"], asked.currency),
        f"never in {fmt.percent(never)}",
    ]


def _integrating(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT integration_labour_amount AS hours,"
        " integration_charges_amount AS bills,"
        " cost_of_moving_amount AS move FROM roi.mart_platform_migration_costs"
    )
    return [fmt.money(Decimal(row[part]), asked.currency) for part in row]


def _on_the_move(asked: Asked) -> list[str]:
    row = asked.one(
        "SELECT change_ratio AS change, since_change_ratio AS since"
        " FROM roi.mart_platform_migrations WHERE metric = 'spend_per_month'"
    )
    return [fmt.signed_percent(row["change"]), fmt.signed_percent(row["since"])]


#: By number; the last two are of whoever compares platforms.
QUESTIONS = (
    Question(1, "What did AI cost, on which basis, and is that final?", "", _spent),
    Question(2, "Against budget and the month before?", "", _against),
    Question(3, "Which three things drove the change?", "", _drivers),
    Question(4, "Cost per 1,000 inferences?", "", _unit_cost),
    Question(5, "Which models cost most, fully loaded?", "Cost by model", _largest),
    Question(6, "How much is unallocated?", "", _unowned),
    Question(7, "Does it tie to the invoices?", "Close & reconcile", _invoices),
    Question(8, "What must I accrue?", "Close & reconcile", _to_accrue),
    Question(9, "What changed since we locked?", "Close & reconcile", _since_lock),
    Question(10, "Can I send the statement?", "Statements & exports", _statements),
    Question(11, "How much GPU money is idle?", "GPU & idle", _idle),
    Question(12, "Training, inference: what split?", "Cost by model", _purposes),
    Question(13, "Where will the month end?", "Budget & forecast", _landing),
    Question(14, "Are commitments used in time?", "Budget & forecast", _commitments),
    Question(15, "Are we delivering faster?", "", _faster),
    Question(16, "Which stage is the bottleneck?", "Velocity", _bottleneck),
    Question(17, "Cost per deployment?", "Velocity", _cost_per_deployment),
    Question(18, "Did it cause the change; how sure?", "Impact", _effects),
    Question(19, "Net value, and its interval?", "", _net_value),
    Question(20, "How strong is the evidence?", "", _grades),
    Question(21, "What is not counted, and why?", "Impact", _left_out),
    Question(22, "Which assumption moves it most?", "Scenarios", _moves_most),
    Question(23, "NPV and payback of a scenario?", "Scenarios", _pays),
    Question(24, "Which projects to stop, fix, scale?", "Impact", _to_stop),
    Question(25, "Where did it come from?", "Assumptions & lineage", _made_of),
    Question(26, "What did integrating it cost?", "Platform scorecard", _integrating),
    Question(27, "What did a move change?", "Platform scorecard", _on_the_move),
)

#: Pages that answer a question; the first screen comes first.
PAGES = tuple(dict.fromkeys(question.page for question in QUESTIONS))


def unanswered(asked: Asked, page: str, screens: Sequence[str]) -> list[str]:
    """Return the questions that no first screen of a page answers as the marts do.

    Parameters
    ----------
    asked : Asked
        The month.
    page : str
        Name in the menu.
    screens : sequence of str
        What is in sight when the page opens, and after a click on each of its tabs.
    """
    missing = []
    for question in QUESTIONS:
        if question.page != page:
            continue
        expected = question.expected(asked)
        if not any(question.is_answered(expected, shown) for shown in screens):
            missing.append(f"{question.number}. {question.words} lacks {expected}")
    return missing


__all__ = ["PAGES", "QUESTIONS", "Asked", "Question", "month_to_ask", "unanswered"]
