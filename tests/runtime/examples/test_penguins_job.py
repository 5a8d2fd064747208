"""The example as a job: in one process, with the standard library and with the image's libraries, and from a ConfigMap."""

from __future__ import annotations

import base64
import json
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RUN = """
import json, sys
from pathlib import Path
import definitions

job = definitions.defs.get_job_def("penguin_report")
result = job.execute_in_process(run_config=json.loads(sys.argv[1]), raise_on_error=False)
if not result.success:
    raise SystemExit("; ".join(f"{key}: {failure.error}" for key, failure in result.failures.items()))
Path(sys.argv[2]).write_bytes(result.output_for_node("draw"))
json.dump(
    {
        "page": result.output_for_node("report"),
        "engine": definitions.engine.NAME,
        "steps": [e.step_key for e in result.all_events if e.is_step_success],
        "metadata": {
            e.step_key: {k: v["value"] for k, v in e.payload["metadata"].items()}
            for e in result.all_events
            if e.event_type_value == "STEP_OUTPUT"
        },
        "log": [e.message for e in result.all_events if e.event_type_value == "LOG_MESSAGE"],
    },
    sys.stdout,
)
"""
STEPS = [
    "load",
    "validate",
    "clean",
    "measure_by_species",
    "count_by_island",
    "compare",
    "draw",
    "report",
]


class Runner:
    """Runs the job in a process of its own and keeps its picture."""

    def __init__(self, python: Path | str, environment: dict[str, str], directory: Path) -> None:
        self._command = [str(python), "-W", "error", "-c", RUN]
        self._environment = environment
        self._directory = directory
        self.picture = directory / "picture"

    def attempt(self, run_config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, json.dumps(run_config), str(self.picture)],
            env=self._environment,
            cwd=self._directory,
            capture_output=True,
            text=True,
            check=False,
        )

    def __call__(self, run_config: dict[str, Any] | None = None) -> dict[str, Any]:
        done = self.attempt(run_config or {})
        assert done.returncode == 0, done.stderr
        results: dict[str, Any] = json.loads(done.stdout)
        return results


@pytest.fixture
def run(example_environment: dict[str, str], tmp_path: Path) -> Runner:
    """With the standard library, in this environment."""
    return Runner(sys.executable, example_environment, tmp_path)


@pytest.fixture
def run_in_image(example_environment: dict[str, str], image_python: Path, tmp_path: Path) -> Runner:
    """With polars and matplotlib."""
    environment = {**example_environment, "MPLCONFIGDIR": str(tmp_path)}
    return Runner(image_python, environment, tmp_path)


def section(page: str, heading: str) -> list[list[str]]:
    """The cells of a table of the page, without its head."""
    (table,) = re.findall(rf"<h2>{heading}</h2>\n<table>(.*?)</table>", page, re.DOTALL)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in table.splitlines()]
    return [row for row in rows if row]


def test_the_job_runs_its_eight_ops(run: Runner) -> None:
    results = run()

    assert results["engine"] == "stdlib"
    assert sorted(results["steps"]) == sorted(STEPS)


def test_outputs_tell_the_rows_before_and_after(run: Runner) -> None:
    metadata = run()["metadata"]

    assert metadata["validate"]["rows"] == 344
    assert metadata["validate"]["missing"]["Sex"] == 11
    assert {key: metadata[key]["rows"] for key in STEPS[2:6]} == {
        "clean": "344 → 333",
        "measure_by_species": "333 → 6",
        "count_by_island": "333 → 15",
        "compare": "6 + 15 → 15",
    }
    assert metadata["report"]["birds"] == 333


def test_ops_tell_what_they_did_in_the_log(run: Runner) -> None:
    log = run()["log"]

    assert "read 53098 bytes; calculating with stdlib" in log
    assert "dropped 11 of 344 rows" in log
    assert "Adelie on Torgersen in 2009: -217 g" in log


def test_the_page_shows_the_numbers(run: Runner) -> None:
    """As computed by awk: sums of grams over birds."""
    page = run()["page"]
    species, islands = section(page, "By species and sex"), section(page, "By island and year")

    assert [(row[:3], row[-1]) for row in species] == [
        (["Adelie", "female", "73"], "3368.8"),
        (["Adelie", "male", "73"], "4043.5"),
        (["Chinstrap", "female", "34"], "3527.2"),
        (["Chinstrap", "male", "34"], "3939.0"),
        (["Gentoo", "female", "58"], "4679.7"),
        (["Gentoo", "male", "61"], "5484.8"),
    ]
    assert len(islands) == 15
    assert islands[-1] == ["Torgersen", "2009", "Adelie", "16", "3489.1", "3706.2", "-217.1"]
    assert "333 adult penguins, in 2007, 2008, 2009." in page


def test_the_picture_has_a_dot_for_every_bird(run: Runner) -> None:
    """It is well-formed SVG: 333 birds, 6 means, 3 entries of the legend; and it stands in the page."""
    results = run({"ops": {"draw": {"config": {"title": "Flippers & <mass>"}}}})
    root = ElementTree.fromstring(run.picture.read_bytes())
    svg = "{http://www.w3.org/2000/svg}"
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    circles = root.findall(f"{svg}circle")

    assert root.tag == f"{svg}svg"
    assert root.findtext(f"{svg}title") == "Flippers & <mass>"
    assert len(circles) == 333 + 6 + 3
    assert all(0 < float(c.attrib["cx"]) < width for c in circles)
    assert all(0 < float(c.attrib["cy"]) < height for c in circles)
    encoded = base64.b64encode(run.picture.read_bytes()).decode()
    assert f'src="data:image/svg+xml;base64,{encoded}"' in results["page"]


def test_the_page_needs_nothing_beside_it_and_escapes_its_title(run: Runner) -> None:
    page = run({"ops": {"report": {"config": {"title": "<script>alert(1)</script>"}}}})["page"]

    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>" in page
    assert re.findall(r"<(?:script|link|iframe)\b", page) == []
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []


def test_the_report_is_also_written_where_the_config_says(run: Runner, tmp_path: Path) -> None:
    target = tmp_path / "new" / "place"

    results = run({"ops": {"report": {"config": {"directory": str(target)}}}})

    assert (target / "report.html").read_text(encoding="utf-8") == results["page"]
    assert (target / "picture.svg").read_bytes() == run.picture.read_bytes()
    assert results["metadata"]["report"]["file"] == str(target / "report.html")


def test_config_changes_what_is_cleaned(run: Runner) -> None:
    config = {"clean": {"config": {"min_body_mass_g": 3300, "drop_unsexed": False}}}

    assert run({"ops": config})["metadata"]["clean"]["rows"] == "344 → 308"


def test_nothing_left_is_a_report_all_the_same(run: Runner) -> None:
    page = run({"ops": {"clean": {"config": {"min_body_mass_g": 9000}}}})["page"]

    assert page.count("Nothing is left after cleaning.") == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,2\n", "the raw table has no column Species, Island"),
        ("", "the raw table has no column Species, Island"),
    ],
)
def test_another_file_is_refused_with_what_it_lacks(
    content: str, said: str, run: Runner, tmp_path: Path
) -> None:
    table = tmp_path / "other.csv"
    table.write_text(content, encoding="utf-8")

    done = run.attempt({"resources": {"penguins_file": {"config": {"path": str(table)}}}})

    assert done.returncode != 0
    assert said in done.stderr


def test_a_misfit_fails_the_run_unless_it_is_allowed(
    run: Runner, raw_table: Path, tmp_path: Path
) -> None:
    table = tmp_path / "wrong.csv"
    table.write_text(raw_table.read_text(encoding="utf-8").replace(",3750,MALE", ",37500,MALE", 1))
    resources = {"penguins_file": {"config": {"path": str(table)}}}

    refused = run.attempt({"resources": resources})
    allowed = run({"resources": resources, "ops": {"validate": {"config": {"max_misfits": 1}}}})

    assert "row 1: Body Mass (g) is '37500'" in refused.stderr
    assert allowed["metadata"]["clean"]["rows"] == "344 → 332"


def test_the_image_calculates_with_polars_and_draws_png(run_in_image: Runner) -> None:
    results = run_in_image()
    picture = run_in_image.picture.read_bytes()

    assert results["engine"] == "polars"
    assert [row[-1] for row in section(results["page"], "By species and sex")] == [
        "3368.8", "4043.5", "3527.2", "3939.0", "4679.7", "5484.8",
    ]  # fmt: skip
    assert results["metadata"]["clean"]["rows"] == "344 → 333"
    assert pixels(picture) > (600, 300)
    assert base64.b64encode(picture).decode() in results["page"]


def pixels(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG whose chunks are whole and whose image data can be unpacked."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, rest = [], picture[8:]
    while rest:
        (length,), kind, data = struct.unpack(">I", rest[:4]), rest[4:8], rest[8:]
        chunks.append((kind, data[:length]))
        assert zlib.crc32(kind + data[:length]) == struct.unpack(">I", data[length : length + 4])[0]
        rest = data[length + 4 :]
    assert chunks[-1][0] == b"IEND"
    width, height, _, _ = struct.unpack(">IIBB", chunks[0][1][:10])
    raw = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    assert len(raw) == height * (1 + 4 * width)
    return width, height


def test_the_image_reports_nothing_left_too(run_in_image: Runner) -> None:
    page = run_in_image({"ops": {"clean": {"config": {"min_body_mass_g": 9000}}}})["page"]

    assert page.count("Nothing is left after cleaning.") == 2


def test_the_keys_of_the_configmap_are_all_that_the_stock_image_needs(
    tmp_path: Path, run: Runner
) -> None:
    """The files as a pod mounts them: one directory and nothing of the repository but the runtime."""
    manifest = ROOT / "examples" / "penguins" / "manifests" / "configmap.yaml"
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for name, text in yaml.safe_load(manifest.read_text(encoding="utf-8"))["data"].items():
        (mounted / name).write_text(text, encoding="utf-8")
    paths = os.pathsep.join([str(mounted), str(ROOT / "runtime")])
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths}

    results = Runner(sys.executable, environment, tmp_path)()

    assert results["page"] == run()["page"]


def test_the_package_is_found_without_being_imported(
    tmp_path: Path, raw_table: Path, example_environment: dict[str, str]
) -> None:
    """An import would fail here, as it does without pandas."""
    package = tmp_path / "site" / "palmerpenguins"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('no pandas')")
    (package / "data" / raw_table.name).write_bytes(raw_table.read_bytes())
    code = tmp_path / "code"
    code.mkdir()
    for file in raw_table.parent.parent.glob("*.py"):
        (code / file.name).write_bytes(file.read_bytes())
    paths = os.pathsep.join([str(code), str(package.parent), str(ROOT / "runtime")])
    environment = {**example_environment, "PYTHONPATH": paths}

    results = Runner(sys.executable, environment, tmp_path)()

    assert results["metadata"]["clean"]["rows"] == "344 → 333"
