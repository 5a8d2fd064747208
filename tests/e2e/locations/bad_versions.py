"""Texts of code locations that cannot be loaded, or only just."""

GOOD = """\
from opweave import Definitions, job, op


@op
def answer() -> int:
    return {value}


@job
def only():
    answer()


defs = Definitions(jobs=[only])
"""

RAISES = "import no_such_library_anywhere\n"

HANGS = "import time\n\nwhile True:\n    time.sleep(1)\n"

PRINTS = 'import sys\n\nfor _ in range(100_000):\n    sys.stdout.write("y" * 99 + "\\n")\n\n' + GOOD

IS_CYCLIC = """\
from opweave import DependencyDefinition, GraphDefinition, Definitions, op


@op
def chicken(egg):
    return egg


@op
def egg(chicken):
    return chicken


round_and_round = GraphDefinition(
    name="round_and_round",
    node_defs=[chicken, egg],
    dependencies={
        "chicken": {"egg": DependencyDefinition("egg")},
        "egg": {"chicken": DependencyDefinition("chicken")},
    },
)

defs = Definitions(jobs=[round_and_round.to_job(name="endless")])
"""

HAS_DUPLICATES = """\
from opweave import Definitions, job, op


@op
def one():
    return 1


@job(name="twin")
def first_twin():
    one()


@job(name="twin")
def second_twin():
    one.alias("other")()


defs = Definitions(jobs=[first_twin, second_twin])
"""
