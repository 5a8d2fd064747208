"""The same calculations as in `engine_stdlib`, on polars data frames; used where polars is installed."""

import io
from typing import Any

import columns
import polars as pl

NAME = "polars"
Table = pl.DataFrame


def read(data: bytes) -> Table:
    """Return the raw table, every value a text or null."""
    return pl.read_csv(io.BytesIO(data), infer_schema=False, null_values=sorted(columns.MISSING))


def rows(table: Table) -> list[dict[str, Any]]:
    """Return the table as plain rows."""
    return table.to_dicts()


def names(table: Table) -> list[str]:
    """Return the names of the columns."""
    return table.columns


def count_missing(table: Table) -> dict[str, int]:
    """Return for each raw column that is read how many values are missing."""
    return {name: table[name].null_count() for name in columns.RAW}


def misfits(table: Table) -> list[str]:
    """Return what stands in the raw table that cannot be right, one text each."""
    return [
        f"row {number}: {name} is {text!r:.60}"
        for name in columns.RAW
        for number, text in table.with_row_index("row", offset=1)
        .filter(pl.col(name).is_not_null() & _parsed(name).is_null())
        .select("row", name)
        .iter_rows()
    ]


def typed(table: Table) -> Table:
    """Return the columns that the pipeline reads under its own names; a misfit becomes a missing value."""
    return table.select(
        _parsed("Species").alias("species"),
        _parsed("Island").alias("island"),
        _parsed("Sex").str.to_lowercase().alias("sex"),
        _parsed(columns.DATE).alias("year"),
        *(_parsed(raw).alias(measure.name) for raw, measure in columns.MEASURES.items()),
    )


def clean(table: Table, min_body_mass_g: int, drop_unsexed: bool) -> Table:
    """Return the rows with all measures and at least *min_body_mass_g*; without a sex they are dropped or unknown."""
    measured = table.drop_nulls([name for name in table.columns if name != "sex"]).filter(
        pl.col("body_mass_g") >= min_body_mass_g
    )
    if drop_unsexed:
        return measured.drop_nulls("sex")
    return measured.with_columns(pl.col("sex").fill_null("unknown"))


def measure_by_species(birds: Table) -> Table:
    """Return the mean of each measure by species and sex."""
    keys = ["species", "sex"]
    return birds.group_by(keys).agg(_birds(), pl.col(columns.MEASURE_NAMES).mean()).sort(keys)


def count_by_island(birds: Table) -> Table:
    """Return how many birds of each species each island had in each year, and their mean mass."""
    keys = ["island", "year", "species"]
    return birds.group_by(keys).agg(_birds(), pl.col("body_mass_g").mean()).sort(keys)


def compare(measures: Table, islands: Table) -> Table:
    """Join *islands* with the mean mass of each species as a whole; the difference tells who was heavier where."""
    weighted = (pl.col("birds") * pl.col("body_mass_g")).sum() / pl.col("birds").sum()
    species = measures.group_by("species").agg(weighted.alias("species_body_mass_g"))
    return (
        islands.join(species, on="species", how="left")
        .with_columns((pl.col("body_mass_g") - pl.col("species_body_mass_g")).alias("difference_g"))
        .sort("island", "year", "species")
    )


def _birds() -> pl.Expr:
    return pl.len().cast(pl.Int64).alias("birds")


def _parsed(name: str) -> pl.Expr:
    """Return what the text of a raw column means, null when it means nothing."""
    text = pl.col(name)
    if name in columns.MEASURES:
        measure = columns.MEASURES[name]
        number = pl.when(text.str.contains(columns.NUMBER_PATTERN)).then(text).cast(pl.Float64)
        return pl.when(number.is_between(measure.lowest, measure.highest)).then(number)
    if name in columns.WORDS:
        word = text.str.split(" ").list.first()
        return pl.when(word.is_in(columns.WORDS[name])).then(word)
    day = pl.when(text.str.contains(columns.DAY_PATTERN)).then(text)
    return day.str.to_date("%Y-%m-%d", strict=False).dt.year().cast(pl.Int64)
