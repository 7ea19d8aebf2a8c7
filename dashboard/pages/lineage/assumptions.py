"""Inputs of a run: the register of assumptions, versions, plans and loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboard.pages.impact import queries as impact_queries
from dashboard.pages.lineage import assumption_queries, queries
from dashboard.shared import acting, filters, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_REGISTER = "core.mart_assumptions"
_IN_FORCE, _ALL = "In force", "All versions"


def show_assumptions(view: Page) -> None:
    """Draw assumptions with author and approver, and the possible actions."""
    show_register(view)
    show_acts()


def show_register(view: Page) -> None:
    """Draw the assumptions that hold, or every version of them."""
    top = st.container()
    chosen = filters.segments("Which", "register", (_IN_FORCE, _ALL), default=_IN_FORCE)
    month = max(view.selection.period.months) if chosen == _IN_FORCE else ""
    register = assumption_queries.assumptions(view.snapshot, month)
    if register is None:
        st.info(
            "**This run has no register.** It was published before there was one;"
            " `triptych run` publishes a new run."
        )
        return
    if not register.num_rows:
        _say_none(view, month)
        return
    with top:
        st.markdown(sentence(register.to_pylist(), month))
    tables.show(
        register,
        [
            tables.Column("assumption_id", "Assumption"),
            tables.Column("assumed", "Value", "count"),
            tables.Column("assumed_low", "90 % from", "count"),
            tables.Column("assumed_high", "90 % to", "count"),
            tables.Column("unit", "Unit"),
            tables.Column("standing", "Standing"),
            tables.Column("owner", "Owner"),
            tables.Column("approved_by", "Approved by", "text", "nobody"),
            tables.Column("valid_from", "Valid from", "day"),
            tables.Column("valid_to", "Valid to", "day", "no_end"),
            tables.Column("feeds", "Feeds the return of", "prose"),
            tables.Column("evidence", "Source", "prose"),
            tables.Column("assumption_version", "Version"),
        ],
        page=view,
        name="assumptions",
        caption="Values that returns need and bills lack",
        origin=Origin(
            formula="An entry of `assumptions.yml` with its dates. Its version is a"
            " hash of its content. The entry names its owner and who approved it; your"
            " version control knows who entered it.",
            mart=_REGISTER,
        ),
    )


def show_acts() -> None:
    """Offer to propose an assumption, to end one, and to approve somebody else's."""
    acting.offer("approve_assumption", acting.Form(listed=("id",)))
    acting.offer("propose_assumption")
    acting.offer("end_proposed_assumption", acting.Form(listed=("id",)))
    acting.offer("withdraw_assumption", acting.Form(listed=("id",)))


def sentence(rows: list[dict[str, Any]], month: str) -> str:
    """Count the assumptions that hold, and those in no headline."""
    when = f" in {fmt.month(month)}" if month else ""
    holding = fmt.plural(len(rows), "assumption holds", "assumptions hold")
    text = f"**{holding}**{when}." if month else f"{fmt.plural(len(rows), 'version')}."
    proposed = sorted({r["assumption_id"] for r in rows if not r["is_approved"]})
    if not proposed:
        return f"{text} All are approved."
    named = ", ".join(fmt.markdown(name) for name in proposed)
    return f"{text} Not counted until approved: **{named}**."


def _say_none(view: Page, month: str) -> None:
    every = assumption_queries.assumptions(view.snapshot)
    if month and every is not None and every.num_rows:
        st.markdown(
            f"**No assumption holds in {fmt.month(month)}.** *{_ALL}* shows the others."
        )
        return
    st.markdown(
        "**No assumption is registered.** Effects are shown in their own units, and no"
        " return is counted. Write `assumptions.yml` with a value, its unit, owner,"
        " source and dates, let somebody else approve it, then run `triptych run`."
    )


def show_versions(view: Page) -> None:
    """Draw a version of each thing that decides the figures of the run."""
    st.header("Settings of this run", anchor=False)
    versions = queries.versions_told(view.snapshot)
    if versions is None:
        st.info(
            "**This run kept no versions.** It was published before runs did;"
            " `triptych build` publishes it again."
        )
        return
    st.markdown(
        f"Run `{view.run.run_id}` of triptych {view.run.triptych_version}, evidence as"
        f" of {fmt.moment(view.run.evidence_as_of)}. Two runs with the same versions"
        " give the same figures to the last digit."
    )
    told = pa.Table.from_pylist(
        [{"name": version.name, "version": version.version} for version in versions]
    )
    tables.show(
        told,
        [
            tables.Column("name", "What"),
            tables.Column("version", "Version (SHA-256)"),
        ],
        page=view,
        name="versions",
        caption="Rules, catalogue, register, plans, models and inputs",
    )
    _show_plans(view)
    _show_loads(view)


def _show_plans(view: Page) -> None:
    studies = impact_queries.studies(view.snapshot, view.selection)
    if not studies:
        return
    rows = [
        {
            "study": study.study_id,
            "feature": study.feature_name,
            "state": study.state.lower(),
            "registered_at": study.registered_at,
            "plan": study.plan_hash,
            "data": study.data_hash,
            "method": study.method_version,
        }
        for study in studies
    ]
    tables.show(
        pa.Table.from_pylist(rows),
        [
            tables.Column("study", "Study"),
            tables.Column("feature", "Feature"),
            tables.Column("state", "State"),
            tables.Column("registered_at", "Registered", "moment"),
            tables.Column("plan", "Plan"),
        ],
        page=view,
        name="plans",
        caption="Plans of studies, locked by their hash before figures could be read",
        origin=Origin(
            formula="The hash of a plan as it was registered in time. What became of"
            " its file since changes nothing: see the ledger of studies on *Impact*.",
            mart="attribution.studies",
        ),
    )


def _show_loads(view: Page) -> None:
    loads = queries.loads_by_stream(view.snapshot)
    if not loads.num_rows:
        return
    tables.show(
        loads,
        [
            tables.Column("source", "Source"),
            tables.Column("stream", "Stream"),
            tables.Column("current_loads", "Loads", "count"),
            tables.Column("current_load_rows", "Rows", "count"),
            tables.Column("refused_load_rows", "Refused", "count"),
            tables.Column("loaded_at", "Newest loaded", "moment"),
        ],
        page=view,
        name="loads-by-stream",
        caption="Current loads that the run was made of; Data health lists each",
    )
