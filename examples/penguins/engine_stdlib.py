"""The calculations on plain rows, with the standard library only; `engine_polars` does the same with polars.

A table is a list of rows, a row a dict; a missing value is None. Nothing here knows opweave.
"""

import csv
import datetime
import io
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import columns

NAME = "stdlib"
Row = dict[str, Any]  # any: text in the raw table, numbers and text after `typed`
Table = list[Row]


def read(data: bytes) -> Table:
    """Return the raw table, every value a text or None."""
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    return [
        {
            name: None if row[name] in columns.MISSING else row[name]
            for name in reader.fieldnames or ()
        }
        for row in reader
    ]


def rows(table: Table) -> list[Row]:
    """Return the table as plain rows."""
    return table


def names(table: Table) -> list[str]:
    """Return the names of the columns."""
    return list(table[0]) if table else []


def count_missing(table: Table) -> dict[str, int]:
    """Return for each raw column that is read how many values are missing."""
    return {name: sum(row[name] is None for row in table) for name in columns.RAW}


def misfits(table: Table) -> list[str]:
    """Return what stands in the raw table that cannot be right, one text each."""
    return [
        f"row {number}: {name} is {row[name]!r:.60}"
        for name in columns.RAW
        for number, row in enumerate(table, start=1)
        if row[name] is not None and _parsed(name, row[name]) is None
    ]


def typed(table: Table) -> Table:
    """Return the columns that the pipeline reads under its own names; a misfit becomes a missing value."""
    return [_typed_row(row) for row in table]


def clean(table: Table, min_body_mass_g: int, drop_unsexed: bool) -> Table:
    """Return the rows with all measures and at least *min_body_mass_g*; without a sex they are dropped or unknown."""
    measured = [
        row
        for row in table
        if all(value is not None for name, value in row.items() if name != "sex")
        and row["body_mass_g"] >= min_body_mass_g
    ]
    if drop_unsexed:
        return [row for row in measured if row["sex"] is not None]
    return [{**row, "sex": row["sex"] or "unknown"} for row in measured]


def measure_by_species(birds: Table) -> Table:
    """Return the mean of each measure by species and sex."""
    return [
        {
            "species": species,
            "sex": sex,
            "birds": len(group),
            **{
                name: statistics.fmean(bird[name] for bird in group)
                for name in columns.MEASURE_NAMES
            },
        }
        for (species, sex), group in _groups(birds, "species", "sex")
    ]


def count_by_island(birds: Table) -> Table:
    """Return how many birds of each species each island had in each year, and their mean mass."""
    return [
        {
            "island": island,
            "year": year,
            "species": species,
            "birds": len(group),
            "body_mass_g": statistics.fmean(bird["body_mass_g"] for bird in group),
        }
        for (island, year, species), group in _groups(birds, "island", "year", "species")
    ]


def compare(measures: Table, islands: Table) -> Table:
    """Join *islands* with the mean mass of each species as a whole; the difference tells who was heavier where."""
    species_mean = {
        species: sum(row["birds"] * row["body_mass_g"] for row in group)
        / sum(row["birds"] for row in group)
        for (species,), group in _groups(measures, "species")
    }
    return [
        {
            **row,
            "species_body_mass_g": species_mean[row["species"]],
            "difference_g": row["body_mass_g"] - species_mean[row["species"]],
        }
        for row in islands
    ]


def _groups(table: Table, *keys: str) -> Iterator[tuple[tuple[Any, ...], Table]]:
    found: dict[tuple[Any, ...], Table] = defaultdict(list)
    for row in table:
        found[tuple(row[key] for key in keys)].append(row)
    yield from sorted(found.items(), key=lambda item: item[0])


def _typed_row(row: Row) -> Row:
    value = {name: None if row[name] is None else _parsed(name, row[name]) for name in columns.RAW}
    return {
        "species": value["Species"],
        "island": value["Island"],
        "sex": value["Sex"] and value["Sex"].lower(),
        "year": value[columns.DATE],
        **{measure.name: value[raw] for raw, measure in columns.MEASURES.items()},
    }


def _parsed(name: str, text: str) -> Any:
    """Return what *text* of a raw column means, or None when it means nothing."""
    if name in columns.MEASURES:
        return _number(columns.MEASURES[name], text)
    if name in columns.WORDS:
        word = text.split(" ", maxsplit=1)[0]
        return word if word in columns.WORDS[name] else None
    return _year(text)


def _number(measure: columns.Measure, text: str) -> float | None:
    number = float(text) if re.match(columns.NUMBER_PATTERN, text) else None
    return number if number is not None and measure.lowest <= number <= measure.highest else None


def _year(text: str) -> int | None:
    if not re.match(columns.DAY_PATTERN, text):
        return None
    try:
        return datetime.date.fromisoformat(text).year
    except ValueError:  # the 30th of February
        return None
