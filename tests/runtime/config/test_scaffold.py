"""Example run configs: YAML that people fill in."""

from __future__ import annotations

import pydantic
import yaml

from opweave import (
    Config,
    Enum,
    EnumValue,
    Field,
    Noneable,
    Selector,
    StringSource,
    job,
    op,
    validate_run_config,
)
from opweave.config.scaffold import scaffold_job


class Window(Config):
    days: int = 3


class LoadConfig(Config):
    since: str = pydantic.Field(description="first day\nto load # really")
    max_rows: int = 5
    window: Window = Window()


@op
def load(config: LoadConfig) -> None:
    pass


@op(
    config_schema={
        "how": Selector({"file": {"path": str}, "table": str}),
        "mode": Field(Enum("Mode", [EnumValue("FAST"), EnumValue("SAFE")]), default_value="SAFE"),
        "limit": Noneable(int),
        "token": Field(StringSource, default_value={"env": "TOKEN"}),
        "on": Field(bool, default_value=True),
    }
)
def clean(context, rows: int) -> None:  # type: ignore[no-untyped-def]
    pass


@job
def daily(rows: int) -> None:
    load()
    clean(rows)


def test_every_field_stands_with_type_default_and_meaning() -> None:
    assert scaffold_job(daily) == (
        "# run config of daily\n"
        "ops:\n"
        "  load:\n"
        "    config:\n"
        '      since: ""  # str, required: first day to load # really\n'
        "      max_rows: 5  # int, default 5\n"
        '      window: {"days": 3}  # mapping, default {"days": 3}\n'
        "  clean:\n"
        "    config:\n"
        "      how:  # required, one of file, table\n"
        "        file:\n"
        '          path: ""  # str, required\n'
        "      mode: SAFE  # one of FAST, SAFE, default SAFE\n"
        "      limit: null  # int or null, optional\n"
        '      token: {"env": "TOKEN"}  # str or {env: NAME}, default {"env": "TOKEN"}\n'
        '      "on": true  # bool, default true\n'
        "    inputs:\n"
        "      rows:\n"
        "        value: 0  # int, required\n"
    )


def test_an_example_is_a_valid_run_config() -> None:
    assert validate_run_config(daily, yaml.safe_load(scaffold_job(daily)))


def test_defaults_may_be_left_out() -> None:
    text = scaffold_job(daily, include_defaults=False)
    assert "max_rows" not in text
    assert validate_run_config(daily, yaml.safe_load(text))


def test_a_job_without_config_says_so() -> None:
    @job
    def idle() -> None:
        pass

    assert scaffold_job(idle) == "# run config of idle: it needs no config\n{}\n"


def test_hostile_names_and_texts_stay_on_their_line() -> None:
    @op(config_schema={'a: b\n"c': Field(str, default_value="x\n# y: {", description="one\ntwo")})
    def odd(context) -> None:  # type: ignore[no-untyped-def]
        pass

    @job
    def idle() -> None:
        odd()

    parsed = yaml.safe_load(scaffold_job(idle))
    assert parsed["ops"]["odd"]["config"] == {'a: b\n"c': "x\n# y: {"}
