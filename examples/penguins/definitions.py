"""Body measures of three penguin species, from a raw table to a report with a picture.

The ops are written once. What calculates and what draws is chosen by what can be imported: polars and matplotlib in the
image of this example, the standard library anywhere else.
"""

import importlib
from importlib.util import find_spec
from pathlib import Path

import columns
import report_page
from picture_svg import Point

from opweave import (
    Backoff,
    Definitions,
    Failure,
    Field,
    In,
    Jitter,
    MetadataValue,
    Out,
    Output,
    RetryPolicy,
    job,
    op,
    resource,
)

HERE = Path(__file__).parent


def _chosen(library: str, with_it: str, without: str) -> str:
    return with_it if find_spec(library) and find_spec(with_it) else without


engine = importlib.import_module(_chosen("polars", "engine_polars", "engine_stdlib"))
PICTURE_MODULE = _chosen("matplotlib", "picture_png", "picture_svg")
Table = engine.Table


@resource(
    config_schema={
        "path": Field(
            str,
            default_value="",
            description="The raw table; empty: the one that is shipped.",
        )
    },
    description="The file of the raw table.",
)
def penguins_file(context):
    path = context.resource_config["path"]
    return Path(path) if path else find_raw_table()


def find_raw_table() -> Path:
    """Return the raw table beside this file, in its directory ``data``, or in the package palmerpenguins.

    The package is only looked into: importing it would import pandas.
    """
    package = find_spec("palmerpenguins")
    packaged = package.submodule_search_locations if package else None
    directories = [HERE, HERE / "data", *(Path(p) / "data" for p in packaged or ())]
    for directory in directories:
        if (directory / columns.RAW_FILE).is_file():
            return directory / columns.RAW_FILE
    looked = ", ".join(str(directory) for directory in directories)
    raise Failure(
        f"there is no {columns.RAW_FILE} in {looked}; "
        "name it in resources.penguins_file.config.path, or pip install palmerpenguins",
        allow_retries=False,
    )


@op(
    required_resource_keys={"penguins_file"},
    retry_policy=RetryPolicy(
        max_retries=3, delay=1, backoff=Backoff.EXPONENTIAL, jitter=Jitter.PLUS_MINUS
    ),
    description="Read the raw table as text.",
)
def load(context) -> bytes:
    data = context.resources.penguins_file.read_bytes()
    context.log.info("read %d bytes; calculating with %s", len(data), engine.NAME)
    return Output(data, metadata={"file": columns.RAW_FILE, "size_bytes": len(data)})


@op(
    config_schema={
        "max_misfits": Field(
            int, default_value=0, description="Values that cannot be right, before the op fails."
        )
    },
    description="Check the raw table and give its columns types and names.",
)
def validate(context, data: bytes) -> Table:
    raw = engine.read(data)
    absent = [name for name in columns.RAW if name not in engine.names(raw)]
    if absent:
        raise Failure(
            f"the raw table has no column {', '.join(absent)}; is it {columns.RAW_FILE}?",
            allow_retries=False,
        )
    found, limit = engine.misfits(raw), context.op_config["max_misfits"]
    for misfit in found[:20]:
        context.log.warning(misfit)
    if len(found) > limit:
        raise Failure(
            f"{len(found)} values cannot be right, ops.validate.config.max_misfits allows {limit}; "
            f"the first: {found[0]}",
            metadata={"misfits": len(found)},
            allow_retries=False,
        )
    missing = {name: count for name, count in engine.count_missing(raw).items() if count}
    metadata = {"rows": len(raw), "misfits": len(found), "missing": MetadataValue.json(missing)}
    return Output(engine.typed(raw), metadata=metadata)


@op(
    config_schema={
        "min_body_mass_g": Field(
            int, default_value=2000, description="Lighter birds are left out."
        ),
        "drop_unsexed": Field(
            bool,
            default_value=True,
            description="Leave out birds of unknown sex; else they form a group.",
        ),
    },
    description="Keep the birds that were measured.",
)
def clean(context, table: Table) -> Table:
    birds = engine.clean(
        table, context.op_config["min_body_mass_g"], context.op_config["drop_unsexed"]
    )
    context.log.info("dropped %d of %d rows", len(table) - len(birds), len(table))
    return Output(birds, metadata={"rows": f"{len(table)} → {len(birds)}"})


@op(description="Mean measures by species and sex.")
def measure_by_species(birds: Table) -> Table:
    measures = engine.measure_by_species(birds)
    return Output(measures, metadata={"rows": f"{len(birds)} → {len(measures)}"})


@op(description="Birds and their mean mass by island, year and species.")
def count_by_island(birds: Table) -> Table:
    islands = engine.count_by_island(birds)
    return Output(islands, metadata={"rows": f"{len(birds)} → {len(islands)}"})


@op(description="Join the islands with the species' own mean: who was heavier where, and when?")
def compare(context, measures: Table, islands: Table) -> Table:
    comparison = engine.compare(measures, islands)
    for row in engine.rows(comparison):
        context.log.debug("%(species)s on %(island)s in %(year)d: %(difference_g)+.0f g", row)
    return Output(
        comparison, metadata={"rows": f"{len(measures)} + {len(islands)} → {len(comparison)}"}
    )


@op(
    config_schema={
        "title": Field(
            str,
            default_value="Longer flippers, heavier birds",
            description="Stands above the picture.",
        )
    },
    out=Out(bytes, description="An SVG or PNG."),
    description="Draw mass over flipper length.",
)
def draw(context, birds: Table, measures: Table):
    # Here and not above: matplotlib takes longer to import than all other ops to run.
    drawing = importlib.import_module(PICTURE_MODULE)
    picture = drawing.draw(_points(birds), _points(measures), context.op_config["title"])
    return Output(picture, metadata={"media_type": drawing.MEDIA_TYPE, "size_bytes": len(picture)})


@op(
    config_schema={
        "directory": Field(
            str,
            default_value="",
            description="Also write report.html and the picture there; empty: nowhere.",
        ),
        "title": Field(
            str, default_value="Penguins of the Palmer Archipelago", description="Of the page."
        ),
    },
    ins={"picture": In(bytes), "measures": In(Table), "comparison": In(Table)},
    out=Out(str, description="One HTML page, the picture included."),
    description="Write the page.",
)
def report(context, picture, measures, comparison):
    is_png = picture.startswith(b"\x89PNG")
    groups, places = engine.rows(measures), engine.rows(comparison)
    birds, years = sum(row["birds"] for row in groups), sorted({row["year"] for row in places})
    page = report_page.render(
        title=context.op_config["title"],
        lead=f"{birds} adult penguins, in {', '.join(map(str, years))}. {columns.SOURCE}",
        picture=picture,
        media_type="image/png" if is_png else "image/svg+xml",
        tables={"By species and sex": groups, "By island and year": places},
    )
    metadata = {"birds": birds, "size_bytes": len(page.encode())}
    if context.op_config["directory"]:
        directory = Path(context.op_config["directory"]).expanduser()
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "report.html").write_text(page, encoding="utf-8")
        (directory / ("picture.png" if is_png else "picture.svg")).write_bytes(picture)
        metadata["file"] = MetadataValue.path(str(directory / "report.html"))
        context.log.info("wrote %s", directory / "report.html")
    return Output(page, metadata=metadata)


def _points(table: Table) -> list[Point]:
    return [
        Point(r["species"], r["flipper_length_mm"], r["body_mass_g"]) for r in engine.rows(table)
    ]


@job(
    resource_defs={"penguins_file": penguins_file},
    description="A report on the penguins of the Palmer Archipelago.",
)
def penguin_report():
    birds = clean(validate(load()))
    measures = measure_by_species(birds)
    comparison = compare(measures, count_by_island(birds))
    report(draw(birds, measures), measures, comparison)


defs = Definitions(jobs=[penguin_report])
