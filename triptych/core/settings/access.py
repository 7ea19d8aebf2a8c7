"""``triptych.yml``, ``access``: access to the dashboard and its data."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name
from triptych.core.settings.service import SafeAddress, Variable

Mode = Literal["local", "oidc", "proxy"]
Role = Literal["finance", "engineering", "analyst", "viewer"]

#: Path on which the dashboard takes the answer of a login; fixed by Streamlit.
CALLBACK = "/oauth2callback"


def _is_callback(address: str) -> str:
    if address.endswith(CALLBACK):
        return address
    message = f"{address!r} must end with {CALLBACK}"
    raise ValueError(message)


def _is_network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        message = f"{text!r} is no address, nor a network such as 10.0.0.0/24"
        raise ValueError(message) from None
    return text


class OidcSettings(Declared):
    """The OpenID Connect provider that people sign in with.

    ``claim`` is the claim of the ID token that determines roles: groups, or a single
    value such as a department. Each ``…_variable`` names the environment variable that
    holds a secret.
    """

    issuer: SafeAddress
    client_id: Name
    redirect_uri: Annotated[SafeAddress, AfterValidator(_is_callback)]
    claim: Name = "groups"
    scopes: tuple[Name, ...] = ("openid",)
    session_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 12
    client_secret_variable: Variable = "TRIPTYCH_OIDC_CLIENT_SECRET"  # noqa: S105
    cookie_secret_variable: Variable = "TRIPTYCH_COOKIE_SECRET"  # noqa: S105


class ProxySettings(Declared):
    """The proxy that signs people in, and the header with their groups.

    The header counts only on connections from ``addresses``. ``user_header`` names the
    person; without it nobody is known, and pages only show.
    """

    addresses: Annotated[
        tuple[Annotated[str, AfterValidator(_is_network)], ...], Field(min_length=1)
    ]
    header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")] = (
        "X-Forwarded-Groups"
    )
    user_header: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")] | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","

    def trusts(self, address: str) -> bool:
        """Return True if the header counts on a connection from ``address``."""
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(peer in ipaddress.ip_network(known) for known in self.addresses)


class RoleEntry(Declared):
    """A role, and the values of the claim or header that have it.

    With ``cost_centers``, users of the role see rows of these cost centres only.
    """

    role: Role
    values: Annotated[tuple[Name, ...], Field(min_length=1)]
    cost_centers: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None


class AccessSettings(Declared):
    """Access rules; ``local``: this machine sees everything, others nothing.

    ``two_people`` sets the way to distinguish people who close and book a month by
    command: ``identities`` of users, or ``names`` typed by the same user.
    """

    mode: Mode = "local"
    two_people: Literal["identities", "names"] = "identities"
    oidc: OidcSettings | None = None
    proxy: ProxySettings | None = None
    roles: tuple[RoleEntry, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        complaints = []
        if self.mode == "oidc" and self.oidc is None:
            text = "mode 'oidc' needs a provider under 'oidc'."
            complaints.append(Complaint(("mode",), text))
        if self.mode == "proxy" and self.proxy is None:
            text = "mode 'proxy' needs the proxy's addresses under 'proxy'."
            complaints.append(Complaint(("mode",), text))
        if self.mode != "local" and not self.roles:
            text = f"mode {self.mode!r} needs 'roles', or nobody sees anything."
            complaints.append(Complaint(("mode",), text))
        if complaints:
            raise complaints_error(complaints)
        return self

    def entry_for(self, values: frozenset[str]) -> RoleEntry | None:
        """Return the first entry that any of the values has; None if none has it."""
        for entry in self.roles:
            if values.intersection(entry.values):
                return entry
        return None
