"""Scenario proposals, the only thing that an assistant may leave.

It goes through the door of all acts, so it is drafted, judged, signed and recorded like
an act from a page. It never replaces a file, and no run reads it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from triptych.core.errors import UsageError
from triptych.service.assistant.answers import ProposalAnswer

if TYPE_CHECKING:
    from triptych.core.acts import Actor, Door

_ACT: Final = "propose_scenario"


def propose_scenario(
    door: Door, actor: Actor, *, name: str, text: str, role: str
) -> ProposalAnswer:
    """Save a scenario, and return its result.

    Parameters
    ----------
    door : Door
        Of the workspace.
    actor : Actor
        Proposer of the scenario.
    name : str
        Of its file, without the ending.
    text : str
        YAML, as the file has it.
    role : str
        Name of the role in the answer.

    Raises
    ------
    TriptychError
        It is not for this role, is no scenario, or another scenario has the name.
    """
    name = name.strip()
    given = {"file": name, "text": text}
    said = json.dumps([actor.signature.subject, name, text])
    preview = door.preview(actor, _ACT, given)
    is_there = not any(change.diff for change in preview.changes)
    # The same words again are the same proposal: an assistant may repeat itself.
    token = f"proposal-{hashlib.sha256(said.encode()).hexdigest()[:32]}"
    outcome = None
    if not is_there:
        outcome = door.apply(
            actor,
            _ACT,
            given,
            token=token,
            fingerprint=preview.fingerprint,
            reason="Proposed by an assistant.",
        )
    if outcome is not None and outcome.is_repeated:
        raise UsageError(
            "This was proposed before, and somebody took it back.",
            next_step="Propose it under another name.",
        )
    return ProposalAnswer(
        role=role,
        saved_as=f"scenarios/{name}.yml",
        says=preview.says,
        result=json.loads(json.dumps(preview.result, default=str)),
        is_repeated=is_there,
    )
