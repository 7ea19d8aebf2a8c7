"""Options of a plan that its design accepts but does not use.

An option that changes nothing makes a study look more careful than it is: controls of
an experiment, anticipation of a series. A plan with such an option is refused, when it
is locked and when it is estimated; a plan that was locked before this rule existed has
a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attribution.causal.refusal import RefusalError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.causal.plan import Plan

#: Option → the designs that read it. Options that all designs read are not listed.
_USED_BY: Final[Mapping[str, frozenset[str]]] = {
    "assignment": frozenset({"experiment"}),
    "planned_units": frozenset({"experiment"}),
    "denominator": frozenset({"experiment"}),
    "cluster": frozenset({"staggered_adoption"}),
    "interference": frozenset(
        {"experiment", "staggered_adoption", "synthetic_control", "joint_launches"}
    ),
    "anticipation": frozenset({"staggered_adoption", "counterfactual_series"}),
    "controls": frozenset(
        {
            "counterfactual_series",
            "adoption_response",
            "joint_launches",
            "staggered_adoption",
        }
    ),
    "seasonal_control": frozenset(
        {"counterfactual_series", "adoption_response", "joint_launches"}
    ),
    "slope": frozenset({"counterfactual_series", "joint_launches"}),
    "unaffected_outcome": frozenset({"counterfactual_series"}),
    "drivers": frozenset({"adoption_response"}),
    "claim": frozenset({"adoption_response", "joint_launches"}),
    "ramp_days": frozenset({"joint_launches"}),
}
#: Its minutes go through a separate design, which is known from the data alone.
_DELEGATES: Final = frozenset({"automation_savings"})


def unused_options(plan: Plan, design: str) -> tuple[str, ...]:
    """Return the options that a plan declares and a design does not read, in order.

    Parameters
    ----------
    plan : Plan
        Declared plan.
    design : str
        The estimator; empty where it is not known yet.
    """
    if not design or design in _DELEGATES:
        return ()
    defaults = {name: field.default for name, field in type(plan).model_fields.items()}
    return tuple(
        name
        for name, designs in _USED_BY.items()
        if design not in designs and getattr(plan, name) != defaults[name]
    )


def evident_design(plan: Plan) -> str:
    """Return the design that a plan's facts alone decide; empty where data does.

    The same order as :func:`attribution.causal.design_choice.choose_design` asks in.
    """
    if plan.design != "auto":
        return plan.design
    if plan.process is not None:
        return "automation_savings"
    if plan.assignment is not None:
        return "experiment"
    if len(set(plan.rollout.values())) > 1:
        return "staggered_adoption"
    return ""


def complaint_of(name: str, design: str) -> str:
    """Return a message that an option is unused, with designs that use it."""
    readers = ", ".join(sorted(_USED_BY[name]))
    return (
        f"`{name}` is not used by the design {design}, so it would change nothing:"
        f" remove it. It is used by {readers}."
    )


def refuse_unused(plan: Plan, design: str) -> None:
    """Refuse a plan with options that its design does not read.

    Raises
    ------
    RefusalError
        ``options_not_used``, with their names.
    """
    names = unused_options(plan, design)
    if names:
        raise RefusalError(
            "options_not_used",
            " ".join(complaint_of(name, design) for name in names),
            options=list(names),
            design=design,
        )


def unused_notes(plan: Plan, design: str) -> tuple[str, ...]:
    """Return the notes for a reader on options that change nothing."""
    names = ", ".join(f"`{name}`" for name in unused_options(plan, design))
    return (f"Declared, and not used by {design}: {names}.",) if names else ()
