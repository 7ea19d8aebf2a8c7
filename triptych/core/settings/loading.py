"""Reads a workspace's settings: file, then environment, then flags.

All errors in any of the files are reported at once. A file that does not fit its schema
is examined again, with stand-ins for the entries that do not fit, so that errors
between entries are not hidden by errors in a single entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from triptych.core.errors import SettingsError
from triptych.core.settings.access import AccessSettings
from triptych.core.settings.allocation import (
    TARGET_KINDS,
    Allocation,
    AllocationFile,
    doubts,
    unknown_owners,
)
from triptych.core.settings.assumptions import Assumptions, unapproved, unfitting
from triptych.core.settings.catalog import Catalog
from triptych.core.settings.document import Document, read_document
from triptych.core.settings.environment import settings_from_environment, variable_name
from triptych.core.settings.explanation import NAMED_BY_NAME, explain, explain_whole
from triptych.core.settings.former_names import with_present_names
from triptych.core.settings.general import (
    AttributionSettings,
    BiSettings,
    DashboardSettings,
    DeliverySettings,
    ExchangeSettings,
    GeneralFile,
    HealthSettings,
    LogSettings,
    MetricsSettings,
    NotifySettings,
    OwnModelsSettings,
    ReceiveSettings,
    SourceEntry,
    SparkSettings,
    WarehouseSettings,
    WebhookSettings,
    is_source_name,
)
from triptych.core.settings.identity import IDENTITY_TARGETS
from triptych.core.settings.moves import unknown_rules
from triptych.core.settings.problems import Problems
from triptych.core.settings.secrets import refuse_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from triptych.core.settings.complaint import Complaint
    from triptych.core.settings.document import ValuePath

GENERAL_FILE = "triptych.yml"
CATALOG_FILE = "catalog.yml"
ALLOCATION_FILE = "allocation.yml"
ASSUMPTIONS_FILE = "assumptions.yml"

Schema = TypeVar("Schema", bound=BaseModel)
#: Substitute for an assumption that does not fit; costs of the same kind may be many.
_ASSUMED: dict[str, Any] = {
    "kind": "integration",
    "applies_to": {"feature": "unknown"},
    "value": "0",
    "unit": "EUR",
    "months": "1",
    "owner": "owner",
    "source": "stand-in",
    "valid_from": "2026-01-01",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run needs to know, read once.

    ``warnings`` holds settings that are allowed and probably not meant, ``file:line``
    first. ``rules_content`` and ``catalog_content`` are the files as YAML reads them.
    """

    root: Path
    organisation: str
    currency: str
    fiscal_year_start_month: int
    materiality_ratio: float
    is_synthetic: bool
    sources: tuple[SourceEntry, ...]
    warehouse: WarehouseSettings
    bi: BiSettings
    own_models: OwnModelsSettings
    spark: SparkSettings
    dashboard: DashboardSettings
    fx: ExchangeSettings
    delivery: DeliverySettings
    receive: ReceiveSettings
    access: AccessSettings
    log: LogSettings
    health: HealthSettings
    metrics: MetricsSettings
    webhook: WebhookSettings
    notify: NotifySettings
    attribution: AttributionSettings
    catalog: Catalog
    allocation: Allocation
    assumptions: Assumptions = field(default_factory=Assumptions)
    warnings: tuple[str, ...] = ()
    rules_content: Mapping[str, Any] = field(default_factory=dict)
    catalog_content: Mapping[str, Any] = field(default_factory=dict)


def no_workspace(root: Path) -> SettingsError:
    """Return the error of a folder that no workspace is in."""
    return SettingsError(
        f"There is no {GENERAL_FILE}.",
        where=str(root),
        next_step='Run "triptych init" in an empty folder, or name another folder'
        " with --workspace.",
    )


def load_settings(
    root: Path, *, overrides: Mapping[str, str] | None = None
) -> Settings:
    """Read and judge the settings of the workspace ``root``.

    Parameters
    ----------
    root : Path
        Workspace folder; holds ``triptych.yml``.
    overrides : mapping, optional
        Flags: dotted setting → text, such as ``{"warehouse.threads": "4"}``.

    Raises
    ------
    SettingsError
        A value in a file, the environment or a flag is wrong; the message has a line
        ``file:line: problem`` for each.
    """
    if not (root / GENERAL_FILE).is_file():
        raise no_workspace(root)
    problems = Problems()
    documents = [
        read_document(root / name, problems=problems)
        for name in (GENERAL_FILE, CATALOG_FILE, ALLOCATION_FILE, ASSUMPTIONS_FILE)
    ]
    has_secret = [refuse_secrets(document, problems=problems) for document in documents]
    if any(has_secret):
        problems.raise_if_any()
    reading = _Reading(root, problems, dict(overrides or {}))
    return reading.settings(*documents)


def load_access(root: Path) -> AccessSettings:
    """Read the access settings, and nothing else, of the workspace ``root``.

    A reader of figures needs no rules: it must not stop when somebody edits them.
    Without ``triptych.yml`` nobody but this machine sees anything.

    Raises
    ------
    SettingsError
        The file cannot be read, or its ``access`` is wrong.
    """
    problems = Problems()
    document = read_document(root / GENERAL_FILE, problems=problems)
    if document.is_present and refuse_secrets(document, problems=problems):
        problems.raise_if_any()
    reading = _Reading(root, problems, {})
    found = reading.part(_AccessFile, document)
    problems.raise_if_any()
    return (found or _AccessFile()).access


class _AccessFile(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    access: AccessSettings = AccessSettings()


class _Reading:
    """A single reading of a workspace, collecting its errors."""

    def __init__(
        self, root: Path, problems: Problems, overrides: dict[str, str]
    ) -> None:
        self._root = root
        self._problems = problems
        self._flags = _nested(overrides)
        self._environment = settings_from_environment()

    def settings(
        self,
        general_file: Document,
        catalog_file: Document,
        allocation_file: Document,
        assumptions_file: Document,
    ) -> Settings:
        general = self._general(general_file)
        catalog_content = catalog_file.data
        catalog_file, former = with_present_names(catalog_file)
        catalog = self._validated(Catalog, catalog_file) or Catalog()
        allocation = self._validated(AllocationFile, allocation_file)
        self._judge_owners(allocation_file, catalog_file)
        if allocation is not None:
            rules = [entry.name for entry in allocation.assignments]
            for complaint in unknown_rules(catalog.migrations, rules):
                self._complain(catalog_file, complaint)
        assumptions = self._validated(Assumptions, assumptions_file) or Assumptions()
        if general is not None and catalog_file.is_readable:
            for complaint in unfitting(
                assumptions, catalog=catalog, currency=general.currency
            ):
                self._complain(assumptions_file, complaint)
        self._problems.raise_if_any()
        if general is None or allocation is None:  # pragma: no cover
            raise AssertionError("a file that does not fit is a problem")
        return Settings(
            root=self._root,
            organisation=general.organisation,
            currency=general.currency,
            fiscal_year_start_month=general.fiscal_year_start_month,
            materiality_ratio=general.materiality_ratio,
            is_synthetic=general.synthetic,
            sources=_source_entries(general, general_file),
            warehouse=general.warehouse,
            bi=general.bi,
            own_models=general.own_models,
            spark=general.spark,
            dashboard=general.dashboard,
            fx=general.fx,
            delivery=general.delivery,
            receive=general.receive,
            access=general.access,
            log=general.log,
            health=general.health,
            metrics=general.metrics,
            webhook=general.webhook,
            notify=general.notify,
            attribution=general.attribution,
            catalog=catalog,
            allocation=allocation.allocation(),
            assumptions=assumptions,
            warnings=_warnings(
                (catalog_file, former),
                (allocation_file, doubts(allocation, catalog=catalog)),
                (assumptions_file, unapproved(assumptions.assumptions)),
            ),
            rules_content=allocation_file.data,
            catalog_content=catalog_content,
        )

    def _judge_owners(self, allocation_file: Document, catalog_file: Document) -> None:
        # Without a catalogue, owners are any names that the rules use.
        if catalog_file.is_present and catalog_file.is_readable:
            for complaint in unknown_owners(
                allocation_file.data, catalog=catalog_file.data
            ):
                self._complain(allocation_file, complaint)

    def part(self, schema: type[Schema], document: Document) -> Schema | None:
        """Return the content of a file, if it fits; the rest are problems."""
        return self._validated(schema, document)

    def _general(self, document: Document) -> GeneralFile | None:
        merged = _merged(_merged(document.data, self._environment), self._flags)
        return self._validated(GeneralFile, replace(document, data=merged))

    def _validated(self, schema: type[Schema], document: Document) -> Schema | None:
        """Return the fitting content as far as possible; the rest are problems."""
        if not document.is_readable:
            return None  # which was said, and nothing that it lacks is known
        try:
            return schema.model_validate(document.data)
        except ValidationError as error:
            found = explain(error, schema=schema, data=document.data)
            is_seen_whole = bool(explain_whole(error))
        for complaint in found:
            self._complain(document, complaint)
        if is_seen_whole:
            return None
        try:
            return schema.model_validate(_with_stand_ins(document.data, found))
        except ValidationError as error:
            for complaint in explain_whole(error):
                self._complain(document, complaint)
        return None

    def _complain(self, document: Document, complaint: Complaint) -> None:
        path = complaint.path
        if _holds(self._flags, path):
            flag = f"--{str(path[-1]).replace('_', '-')}"
            self._problems.add(flag, None, complaint.text)
        elif document.name == GENERAL_FILE and _holds(self._environment, path):
            self._problems.add(variable_name(path), None, complaint.text)
        else:
            line = document.line_of(path)
            self._problems.add(document.name, line, complaint.text)


def _warnings(*found: tuple[Document, Iterable[Complaint]]) -> tuple[str, ...]:
    warnings = Problems()
    for document, told in found:
        for doubt in told:
            warnings.add(document.name, document.line_of(doubt.path), doubt.text)
    return tuple(warnings.lines())


def _source_entries(
    general: GeneralFile, document: Document
) -> tuple[SourceEntry, ...]:
    entries = []
    for position, source in enumerate(general.sources):
        path: ValuePath = ("sources", position)
        lines = {
            key: document.line_of((*path, key))
            for key in ("name", "type", *(source.model_extra or {}))
        }
        line = document.line_of(path)
        entries.append(source.entry(option_lines=lines, line=line))
    return tuple(entries)


def _with_stand_ins(
    data: dict[str, Any], complaints: list[Complaint]
) -> dict[str, Any]:
    """Return ``data`` with something plain in place of everything that is wrong."""
    mended = {key: list(v) if isinstance(v, list) else v for key, v in data.items()}
    for complaint in complaints:
        match complaint.path:
            case (str(section), int(position), *_):
                given = data[section][position]
                mended[section][position] = _stand_in(section, position, given)
            case ("organisation" | "currency" as key, *_):
                mended[key] = "EUR"
            case (str(key), *_):
                mended.pop(key, None)
    return mended


def _stand_in(section: str, position: int, given: object) -> dict[str, Any]:
    """Return an entry that fits, with the name and the target of ``given``."""
    fields = given if isinstance(given, dict) else {}
    name = fields.get("name" if section in NAMED_BY_NAME else "id")
    unnamed = f"unnamed-{position}"
    match section:
        case "sources":
            is_fitting = isinstance(name, str) and is_source_name(name)
            return {"name": name if is_fitting else unnamed, "type": "unknown"}
        case "pools":
            return {"name": name or unnamed, "driver": "even"}
        case "scope":
            return {"name": name or unnamed, "match": {}}
        case "assignments":
            target = _stand_in_target(fields)
            return {"name": name or unnamed, "match": {}, **target}
        case "identities":
            whose = {key: fields[key] for key in IDENTITY_TARGETS if key in fields}
            return {"service": unnamed, **whose}
    more = _ASSUMED if section == "assumptions" else {}
    return {**more, "id": name or unnamed}


def _stand_in_target(fields: dict[str, Any]) -> dict[str, str]:
    targets: dict[str, Any] = {
        kind: fields[kind] for kind in TARGET_KINDS if fields.get(kind)
    }
    is_one_name = len(targets) == 1 and all(
        isinstance(target, str) and "${" not in target for target in targets.values()
    )
    return targets if is_one_name else {"model": "unknown"}


def _nested(overrides: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for dotted, value in overrides.items():
        *sections, key = dotted.split(".")
        inner = answer
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value
    return answer


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    answer = dict(below)
    for key, value in above.items():
        lower = answer.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            answer[key] = _merged(lower, value)
        else:
            answer[key] = value
    return answer


def _holds(data: Any, path: ValuePath) -> bool:  # noqa: ANN401  (any YAML value)
    for step in path:
        if not isinstance(data, dict) or step not in data:
            return False
        data = data[step]
    return bool(path)
