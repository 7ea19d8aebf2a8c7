"""The environment variables that triptych listens to. Nothing else reads them.

A setting of ``triptych.yml`` called ``a.b`` is overridden by ``TRIPTYCH_A__B``.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableVariableError

from triptych.core.errors import SettingsError

PREFIX = "TRIPTYCH_"


class _WarehouseVariables(BaseModel):
    engine: str | None = None
    memory_limit: str | None = None
    threads: str | None = None
    keep_runs: str | None = None
    keep_records: str | None = None


class _BiVariables(BaseModel):
    readable_by: str | None = None


class _OwnModelsVariables(BaseModel):
    folder: str | None = None


class _SparkVariables(BaseModel):
    master: str | None = None
    remote: str | None = None
    driver_memory: str | None = None


class _DashboardVariables(BaseModel):
    host: str | None = None
    port: str | None = None
    url: str | None = None


class _ReceiveVariables(BaseModel):
    host: str | None = None
    port: str | None = None


class _AttributionVariables(BaseModel):
    seed: str | None = None
    processes: str | None = None


class _LogVariables(BaseModel):
    format: str | None = None


class _HealthVariables(BaseModel):
    max_age_hours: str | None = None


class _MetricsVariables(BaseModel):
    textfile: str | None = None


class _WebhookVariables(BaseModel):
    url: str | None = None
    key_variable: str | None = None
    timeout_seconds: str | None = None


class _ExchangeVariables(BaseModel):
    rate: str | None = None


class _Variables(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="ignore",
    )

    workspace: str | None = None
    organisation: str | None = None
    currency: str | None = None
    fiscal_year_start_month: str | None = None
    materiality_ratio: str | None = None
    synthetic: str | None = None
    warehouse: _WarehouseVariables = _WarehouseVariables()
    bi: _BiVariables = _BiVariables()
    own_models: _OwnModelsVariables = _OwnModelsVariables()
    spark: _SparkVariables = _SparkVariables()
    dashboard: _DashboardVariables = _DashboardVariables()
    receive: _ReceiveVariables = _ReceiveVariables()
    fx: _ExchangeVariables = _ExchangeVariables()
    attribution: _AttributionVariables = _AttributionVariables()
    log: _LogVariables = _LogVariables()
    health: _HealthVariables = _HealthVariables()
    metrics: _MetricsVariables = _MetricsVariables()
    webhook: _WebhookVariables = _WebhookVariables()


def settings_from_environment() -> dict[str, Any]:
    """Return the environment's settings, in the shape of ``triptych.yml``.

    Raises
    ------
    SettingsError
        A variable cannot be read.
    """
    return _variables().model_dump(
        exclude_none=True, exclude_defaults=True, exclude={"workspace"}
    )


def workspace_from_environment() -> Path | None:
    """Return the folder that ``TRIPTYCH_WORKSPACE`` names, if it is set."""
    workspace = _variables().workspace
    return None if workspace is None else Path(workspace)


def _variables() -> _Variables:
    set_now = ((name.upper(), value) for name, value in os.environ.items())
    return _read(frozenset(each for each in set_now if each[0].startswith(PREFIX)))


# A page asks a dozen times as it is drawn, and reading takes a millisecond and a half.
@lru_cache(maxsize=4)
def _read(set_now: frozenset[tuple[str, str]]) -> _Variables:
    del set_now  # only for the cache
    try:
        return _Variables()
    except (UnreadableVariableError, ValueError) as error:
        raise SettingsError(
            f"A {PREFIX}… variable cannot be read.",
            where="environment",
            next_step=f"Set single values, such as {PREFIX}WAREHOUSE__THREADS=4.",
        ) from error


def variable_name(path: tuple[str | int, ...]) -> str:
    """Return the variable that sets ``path``: ``TRIPTYCH_WAREHOUSE__THREADS``."""
    return PREFIX + "__".join(str(step) for step in path).upper()
