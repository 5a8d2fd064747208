"""The numbers of the penguins' pipeline, against values that were computed another way."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Results = dict[str, Any]
Calculate = Callable[..., Results]

# By awk from the raw table: birds and the sum of their grams, of those with a mass and a sex.
GRAMS_BY_SPECIES_AND_SEX = {
    ("Adelie", "female"): (73, 245_925),
    ("Adelie", "male"): (73, 295_175),
    ("Chinstrap", "female"): (34, 119_925),
    ("Chinstrap", "male"): (34, 133_925),
    ("Gentoo", "female"): (58, 271_425),
    ("Gentoo", "male"): (61, 334_575),
}
GRAMS_BY_ISLAND_YEAR_AND_SPECIES = {
    ("Biscoe", 2007, "Adelie"): (10, 36_200),
    ("Biscoe", 2007, "Gentoo"): (33, 168_300),
    ("Biscoe", 2008, "Adelie"): (18, 65_300),
    ("Biscoe", 2008, "Gentoo"): (45, 226_250),
    ("Biscoe", 2009, "Adelie"): (16, 61_725),
    ("Biscoe", 2009, "Gentoo"): (41, 211_450),
    ("Dream", 2007, "Adelie"): (19, 70_450),
    ("Dream", 2007, "Chinstrap"): (26, 96_050),
    ("Dream", 2008, "Adelie"): (16, 60_100),
    ("Dream", 2008, "Chinstrap"): (18, 68_400),
    ("Dream", 2009, "Adelie"): (20, 73_025),
    ("Dream", 2009, "Chinstrap"): (24, 89_400),
    ("Torgersen", 2007, "Adelie"): (15, 56_775),
    ("Torgersen", 2008, "Adelie"): (16, 61_700),
    ("Torgersen", 2009, "Adelie"): (16, 55_825),
}
MEASURES = {
    "bill_length_mm": "Culmen Length (mm)",
    "bill_depth_mm": "Culmen Depth (mm)",
    "flipper_length_mm": "Flipper Length (mm)",
    "body_mass_g": "Body Mass (g)",
}


@pytest.fixture(params=["engine_stdlib", "engine_polars"])
def calculate(
    request: pytest.FixtureRequest, raw_table: Path, example_environment: dict[str, str]
) -> Calculate:
    """Run one engine over a table in a process of its own."""
    name = str(request.param)
    python = sys.executable if name == "engine_stdlib" else request.getfixturevalue("image_python")

    def calculated(
        table: Path = raw_table, *, min_body_mass_g: int = 2000, drop_unsexed: bool = True
    ) -> Results:
        script = str(Path(__file__).with_name("calculate.py"))
        done = subprocess.run(
            [str(python), script, name, str(table), str(min_body_mass_g), str(drop_unsexed)],
            env=example_environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        results: Results = json.loads(done.stdout)
        return results

    return calculated


def test_the_shipped_table_is_the_packages(raw_table: Path) -> None:
    """`palmerpenguins/data/penguins-raw.csv` of palmerpenguins 0.1.6, taken from the wheel on PyPI."""
    assert (
        hashlib.sha256(raw_table.read_bytes()).hexdigest()
        == "144f623143c9360fd77322a4f86acb06dc198814dbd2669724c63e6457b907bd"
    )


def test_nothing_in_the_table_is_a_misfit(calculate: Calculate) -> None:
    """What is missing is counted instead; the counts are grep's."""
    results = calculate()

    assert results["misfits"] == []
    assert {name: count for name, count in results["missing"].items() if count} == {
        "Sex": 11,
        "Culmen Length (mm)": 2,
        "Culmen Depth (mm)": 2,
        "Flipper Length (mm)": 2,
        "Body Mass (g)": 2,
    }


def test_cleaning_keeps_the_measured_birds_of_known_sex(calculate: Calculate) -> None:
    """344 rows: 2 birds were not measured, 9 more have no sex."""
    assert len(calculate()["birds"]) == 333
    assert len(calculate(drop_unsexed=False)["birds"]) == 342


def test_birds_of_unknown_sex_form_groups_when_they_are_kept(calculate: Calculate) -> None:
    groups = calculate(drop_unsexed=False)["measures"]

    assert {(g["species"], g["birds"]) for g in groups if g["sex"] == "unknown"} == {
        ("Adelie", 5),
        ("Gentoo", 4),
    }


def test_lighter_birds_are_left_out(calculate: Calculate) -> None:
    """Eight birds weigh less than 3000 g; one of exactly that mass stays."""
    birds = calculate(min_body_mass_g=3000)["birds"]

    assert len(birds) == 325
    assert min(bird["body_mass_g"] for bird in birds) == 3000


def test_measures_by_species_and_sex_are_those_of_awk(calculate: Calculate) -> None:
    found = {
        (row["species"], row["sex"]): (row["birds"], row["body_mass_g"])
        for row in calculate()["measures"]
    }

    assert found == {
        key: (birds, pytest.approx(grams / birds))
        for key, (birds, grams) in GRAMS_BY_SPECIES_AND_SEX.items()
    }


def test_all_measures_are_those_of_plain_arithmetic(calculate: Calculate, raw_table: Path) -> None:
    """Sums over the file as csv reads it, with nothing of the example's code."""
    with raw_table.open(newline="", encoding="utf-8") as file:
        raw = [row for row in csv.DictReader(file) if row["Sex"] != "NA"]
    for row in calculate()["measures"]:
        own = [
            r
            for r in raw
            if r["Species"].startswith(row["species"]) and r["Sex"] == row["sex"].upper()
        ]
        assert row["birds"] == len(own)
        assert {name: row[name] for name in MEASURES} == {
            name: pytest.approx(sum(float(r[column]) for r in own) / len(own))
            for name, column in MEASURES.items()
        }


def test_counts_by_island_and_year_are_those_of_awk(calculate: Calculate) -> None:
    found = [
        ((row["island"], row["year"], row["species"]), row["birds"], row["body_mass_g"])
        for row in calculate()["islands"]
    ]

    assert found == [
        (key, birds, pytest.approx(grams / birds))
        for key, (birds, grams) in sorted(GRAMS_BY_ISLAND_YEAR_AND_SPECIES.items())
    ]


def test_the_join_compares_each_group_with_its_whole_species(calculate: Calculate) -> None:
    """146 Adelies weigh 541,100 g together: those of Torgersen in 2009 are 217.1 g below that mean."""
    comparison = calculate()["comparison"]
    found = {(row["island"], row["year"], row["species"]): row for row in comparison}
    adelie = found["Torgersen", 2009, "Adelie"]

    assert list(found) == sorted(GRAMS_BY_ISLAND_YEAR_AND_SPECIES)
    assert adelie["species_body_mass_g"] == pytest.approx(541_100 / 146)
    assert adelie["difference_g"] == pytest.approx(55_825 / 16 - 541_100 / 146)
    assert round(adelie["difference_g"], 1) == -217.1
    for species in ("Adelie", "Chinstrap", "Gentoo"):
        own = [row for row in comparison if row["species"] == species]
        assert sum(row["birds"] * row["difference_g"] for row in own) == pytest.approx(0, abs=1e-6)


@pytest.fixture
def hostile_table(raw_table: Path, tmp_path: Path) -> Path:
    """The first rows of the table, with wrong values in them."""
    head, *lines = raw_table.read_text(encoding="utf-8").splitlines()[:8]
    wrong = [
        lines[0].replace("Adelie Penguin (Pygoscelis adeliae)", "<script>alert(1)</script>"),
        lines[1].replace(",3800,", ",1e9,"),
        lines[2].replace(",3250,", ",nan,"),
        lines[4].replace("2007-11-16", "2007-02-30"),
        lines[5].replace(",MALE,", ",male,"),
        lines[6],
    ]
    table = tmp_path / "hostile.csv"
    table.write_text("\n".join([head, *wrong]) + "\n", encoding="utf-8")
    return table


def test_wrong_values_are_named_and_become_missing(
    calculate: Calculate, hostile_table: Path
) -> None:
    results = calculate(hostile_table)

    assert results["misfits"] == [
        "row 1: Species is '<script>alert(1)</script>'",
        "row 5: Sex is 'male'",
        "row 4: Date Egg is '2007-02-30'",
        "row 2: Body Mass (g) is '1e9'",
        "row 3: Body Mass (g) is 'nan'",
    ]
    assert [bird["bill_length_mm"] for bird in results["birds"]] == [38.9]


def test_nothing_left_gives_empty_tables(calculate: Calculate) -> None:
    results = calculate(min_body_mass_g=9000)

    assert [results[label] for label in ("birds", "measures", "islands", "comparison")] == [[]] * 4


def test_both_engines_agree_on_every_bird(
    raw_table: Path, example_environment: dict[str, str], image_python: Path
) -> None:
    """On every value of every table, up to the last bits of a mean."""
    script = str(Path(__file__).with_name("calculate.py"))
    results = [
        json.loads(
            subprocess.run(
                [str(python), script, name, str(raw_table), "2000", "False"],
                env=example_environment,
                capture_output=True,
                check=True,
            ).stdout
        )
        for python, name in ((sys.executable, "engine_stdlib"), (image_python, "engine_polars"))
    ]

    assert results[0].keys() == results[1].keys()
    for label in ("names", "misfits", "missing", "birds"):
        assert results[0][label] == results[1][label]
    for label in ("measures", "islands", "comparison"):
        assert [list(row) for row in results[0][label]] == [list(row) for row in results[1][label]]
        assert results[0][label] == [pytest.approx(row) for row in results[1][label]]
