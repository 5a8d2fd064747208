"""What the raw table holds and what the pipeline calls it; both engines obey these."""

from typing import NamedTuple

RAW_FILE = "penguins-raw.csv"
SOURCE = "Data: K. Gorman and Palmer Station LTER (CC0), as in the package palmerpenguins."
MISSING = frozenset({"", "NA", "."})
"""How the raw table writes that a value is missing."""


class Measure(NamedTuple):
    """A number of the raw table; values outside *lowest* to *highest* cannot be a penguin's."""

    name: str
    lowest: float
    highest: float


MEASURES = {
    "Culmen Length (mm)": Measure("bill_length_mm", 20, 80),
    "Culmen Depth (mm)": Measure("bill_depth_mm", 8, 30),
    "Flipper Length (mm)": Measure("flipper_length_mm", 120, 280),
    "Body Mass (g)": Measure("body_mass_g", 1500, 9000),
}
WORDS = {
    "Species": ("Adelie", "Chinstrap", "Gentoo"),
    "Island": ("Biscoe", "Dream", "Torgersen"),
    "Sex": ("FEMALE", "MALE"),
}
"""Columns of few words, with the first word of every value that may stand there."""
DATE = "Date Egg"
"""A day, as 2007-11-11; the pipeline keeps its year."""
DAY_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
NUMBER_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,6})?$"

RAW = (*WORDS, DATE, *MEASURES)
"""Columns that the raw table must have; it has others, which are not read."""
MEASURE_NAMES = tuple(measure.name for measure in MEASURES.values())
