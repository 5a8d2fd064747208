"""Calculates with one engine of the example and prints everything as JSON; run by tests, in either environment.

``python calculate.py ENGINE TABLE MIN_BODY_MASS_G DROP_UNSEXED`` with the example's directory on PYTHONPATH.
"""

import importlib
import json
import sys
from pathlib import Path

name, file, min_body_mass_g, drop_unsexed = sys.argv[1:]
engine = importlib.import_module(name)
raw = engine.read(Path(file).read_bytes())
birds = engine.clean(engine.typed(raw), int(min_body_mass_g), drop_unsexed == "True")
measures, islands = engine.measure_by_species(birds), engine.count_by_island(birds)
json.dump(
    {
        "names": engine.names(raw),
        "misfits": engine.misfits(raw),
        "missing": engine.count_missing(raw),
        **{
            label: engine.rows(table)
            for label, table in {
                "birds": birds,
                "measures": measures,
                "islands": islands,
                "comparison": engine.compare(measures, islands),
            }.items()
        },
    },
    sys.stdout,
)
