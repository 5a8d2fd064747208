"""Dagster projects under the rename: what is rewritten, what is told, and that the result runs."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml

from opweave._cli.migration import python_source, text_files
from support.local_instance import command_environment, opweave

ORDERS = '''\
# Orders, as they were written years ago.
from dagster import (   # the usual
    Field, In, Out, DagsterInvalidConfigError,
    DagsterType as DType, job, op, resource,
)


Positive = DType(name="Positive", type_check_fn=lambda _, value: value > 0)


@resource(config_schema={"factor": Field(int, default_value=2)})
def scale(context):
    return context.resource_config["factor"]


@op(out=Out(dagster_type=Positive), required_resource_keys={"scale"},
    tags={"dagster/priority": "3", "team/dagster/x": "stays"})
def count(context) -> int:
    """Count; the path s3://bucket/dagster/priority is not ours."""
    assert context.run_id  # dagster/priority in a comment stays
    return 4*context.resources.scale


@op(ins={"n": In(dagster_type=Positive)})
def tell(n):
    wörter = "日本語"; error = DagsterInvalidConfigError   ;   return f"{wörter} {n} dagster/priority"


@job(resource_defs={"scale": scale}, tags={"dagster/max_runtime": "60"})
def nightly():
    tell(count())
'''

ORDERS_TEST = """\
import pytest
from dagster import DagsterInvalidConfigError, build_op_context
from orders import nightly, tell


def test_runs():
    result = nightly.execute_in_process()
    assert result.success
    assert result.output_for_node("count") == 8
    assert "8 opweave/priority" in result.output_for_node("tell")


def test_config_is_checked():
    with pytest.raises(DagsterInvalidConfigError):
        nightly.execute_in_process(run_config={"resources": {"scale": {"config": {"factor": "x"}}}})
"""

SHOP = """\
from __future__ import annotations

import dagster as dg


class Store(dg.ConfigurableResource):
    path: str

    def size(self) -> int:
        return len(self.path)


class Limits(dg.Config):
    least: int = 1


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def measure(context: "dg.OpExecutionContext", config: Limits, store: Store) -> int:
    context.log.info("run %s", context.dagster_run.run_id if False else context.run_id)
    if store.size() < config.least:
        raise dg.Failure("too small")
    return store.size()


@dg.job
def daily():
    measure()


def fails() -> type["dg.DagsterInvariantViolationError"]:
    return dg.DagsterInvariantViolationError


defs = dg.Definitions(jobs=[daily], resources={"store": Store(path="abc")})
"""

SHOP_TEST = """\
import dagster
from shop import definitions


def test_measures():
    result = definitions.defs.get_job_def("daily").execute_in_process()
    assert result.output_for_node("measure") == 3


def test_errors_are_ours():
    assert issubclass(definitions.fails(), dagster.DagsterError)
"""


def project(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return directory


def migrate(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    done = opweave("migrate", str(directory), *options)
    assert done.returncode == 0, done.stderr
    return done


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


PROJECTS = {
    "names": {"orders.py": ORDERS, "test_orders.py": ORDERS_TEST},
    "alias": {
        "shop/__init__.py": "",
        "shop/definitions.py": SHOP,
        "tests/test_shop.py": SHOP_TEST,
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n',
    },
}


@pytest.mark.parametrize("name", PROJECTS)
def test_the_projects_own_tests_pass_afterwards(tmp_path: Path, name: str) -> None:
    """Nothing but the migration stands between a Dagster project and its run under opweave."""
    project(tmp_path, PROJECTS[name])
    before = contents(tmp_path)
    shown = migrate(tmp_path)
    assert before == contents(tmp_path)
    assert "would change; --write applies it" in shown.stdout
    migrate(tmp_path, "--write")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=command_environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PROJECTS)
def test_doing_it_again_changes_nothing(tmp_path: Path, name: str) -> None:
    """And finds nothing to tell."""
    project(tmp_path, PROJECTS[name])
    migrate(tmp_path, "--write")
    first = contents(tmp_path)
    again = migrate(tmp_path, "--write")
    assert first == contents(tmp_path)
    assert "nothing to change" in again.stdout


def test_only_names_change(tmp_path: Path) -> None:
    """Spaces, comments, order and lines stay: taking the rename back gives the file to the byte."""
    new = python_source.migrate(ORDERS).text
    assert new != ORDERS
    for old_line, new_line in zip(ORDERS.splitlines(), new.splitlines(), strict=True):
        if "comment stays" in old_line or "not ours" in old_line:
            assert old_line == new_line
        assert old_line == new_line.replace("Opweave", "Dagster").replace("opweave", "dagster")
    assert '"team/dagster/x"' in new
    assert "as DType" in new
    assert 'f"{wörter} {n} opweave/priority"' in new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import dagster\ndagster.op\n", "import opweave\nopweave.op\n"),
        ("import dagster as d\nd.DagsterEventType\n", "import opweave as d\nd.EventType\n"),
        ("import dagster as dg, os\n", "import opweave as dg, os\n"),
        ("from  dagster  import op\n", "from  opweave  import op\n"),
        ("from dagster import \\\n    op\n", "from opweave import \\\n    op\n"),
        (
            "from dagster import DagsterError\r\nx = [DagsterError]\r\n",
            "from opweave import OpweaveError\r\nx = [OpweaveError]\r\n",
        ),
        (
            "from dagster import DagsterError as E\nDagsterError = 1\n",
            "from opweave import OpweaveError as E\nDagsterError = 1\n",
        ),
        (
            "from dagster import DagsterError\ndef f(e: 'list[DagsterError]'): ...\n",
            "from opweave import OpweaveError\ndef f(e: 'list[OpweaveError]'): ...\n",
        ),
        (
            "import dagster as dg\nx: 'dg.DagsterError'\n",
            "import opweave as dg\nx: 'dg.OpweaveError'\n",
        ),
        ('import os\nos.environ["DAGSTER_HOME"]\n', 'import os\nos.environ["OPWEAVE_HOME"]\n'),
        ('t = {"dagster-k8s/config": {}}\n', 't = {"opweave-k8s/config": {}}\n'),
        ('m.patch("dagster.op")\n', 'm.patch("opweave.op")\n'),
        ('log = logging.getLogger("dagster")\n', 'log = logging.getLogger("opweave")\n'),
        ("context.dagster_run.tags\n", "context.opweave_run.tags\n"),
        ("é = 'é'; import dagster\n", "é = 'é'; import opweave\n"),
        ("from mine import dagster_client\n", "from mine import dagster_client\n"),
        ('"Dagster is what we came from"\n', '"Dagster is what we came from"\n'),
        ('url = "https://docs.dagster.io/dagster/image"\n',) * 2,
        ("class A:\n    def dagster(self): return self.dagster\n",) * 2,
    ],
)
def test_rewrites_python(old: str, new: str) -> None:
    """Each form of import, use and text."""
    migrated = python_source.migrate(old)
    assert new == migrated.text
    assert [] == migrated.findings
    assert new == python_source.migrate(new).text


@pytest.mark.parametrize(
    ("source", "line", "told"),
    [
        ("\nfrom dagster import no_such_name_ever\n", 2, "opweave has no no_such_name_ever"),
        ("import dagster as dg\n\ndg.no_such_name_ever\n", 3, "opweave has no no_such_name_ever"),
        ("import dagster as dg\nx: 'dg.no_such_name'\n", 2, "opweave has no no_such_name"),
        ("from dagster._core.storage import x\n", 1, "is inside Dagster"),
        ("import dagster._check as check\n", 1, "is inside Dagster"),
        ("from dagster import _check\n", 1, "is private in Dagster"),
        ("from dagster_snowflake import x\n", 1, "dagster_snowflake has no counterpart"),
        ("from dagster import *\n", 1, "hides which names are used"),
        ('tags = {"dagster/no_such": "1"}\n', 1, "looks like a tag of Dagster's"),
        ('os.environ["DAGSTER_CLOUD_URL"]\n', 1, "DAGSTER_CLOUD_URL is a variable"),
        ('m.patch("dagster._core.x")\n', 1, "names something that opweave has not"),
        ("import dagster\ndef broken(:\n", 2, "is not Python that can be read"),
        ("# dagster\nx = '\0'\n", 1, "is not Python that can be read"),
    ],
)
def test_tells_what_needs_a_person(source: str, line: int, told: str) -> None:
    """With its line and why; nothing that opweave lacks is passed over in silence."""
    [(found_line, found)] = python_source.migrate(source).findings
    assert (line, True) == (found_line, told in found), found


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("requirements.txt", "dagster==1.9.3\n", "opweave\n"),
        (
            "requirements-dev.txt",
            "pandas\ndagster>=1.5,<2 # pinned\n",
            "pandas\nopweave # pinned\n",
        ),
        ("requirements.txt", "dagster-webserver\n", "opweave[operator]\n"),
        ("requirements.txt", "# dagster==1\n", "# dagster==1\n"),
        ("requirements.txt", "dagsterish==1\n", "dagsterish==1\n"),
        (
            "pyproject.toml",
            'dependencies = ["dagster>=1.5", "pandas"]\n[tool.dagster]\nmodule_name = "x"\n',
            'dependencies = ["opweave", "pandas"]\n[tool.opweave]\nmodule_name = "x"\n',
        ),
        ("pyproject.toml", 'dagster = "^1.5"\n', 'opweave = "*"\n'),
        (
            "Dockerfile",
            "RUN pip install dagster dagster-webserver==1.2\nENV DAGSTER_HOME=/opt\nCOPY dagster.yaml /opt/\n",
            "RUN pip install opweave opweave[operator]\nENV OPWEAVE_HOME=/opt\nCOPY opweave.yaml /opt/\n",
        ),
        ("Dockerfile", 'CMD ["dagster", "dev"]\n', 'CMD ["opweave", "dev"]\n'),
        ("Makefile", "dev:\n\tdagster dev -f x.py\n", "dev:\n\topweave dev -f x.py\n"),
        (
            "Dockerfile",
            "RUN pip install \\\n  dagster \\\n  dagster-webserver\nRUN echo dagster\n",
            "RUN pip install \\\n  opweave \\\n  opweave[operator]\nRUN echo dagster\n",
        ),
        (".env", "DAGSTER_HOME=/opt\r\n", "OPWEAVE_HOME=/opt\r\n"),
    ],
)
def test_rewrites_other_files(name: str, old: str, new: str) -> None:
    """Line by line, with the ends that the lines had."""
    migrated = text_files.migrate(name, old)
    assert migrated is not None
    assert (new, []) == (migrated.text, migrated.findings)
    again = text_files.migrate(name, new)
    assert again is not None
    assert new == again.text


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("requirements.txt", "dagster-snowflake==0.2", "dagster-snowflake has no counterpart"),
        ("Dockerfile", 'CMD ["dagster-daemon", "run"]', "no daemon"),
        ("Dockerfile", 'CMD ["dagster", "api", "grpc", "-f", "x.py"]', "opweave code-server start"),
        ("workspace.yaml", "  - grpc_server: {port: 4000}", "write code_server"),
        ("workspace.yaml", "  - autoload_defs_module: {module_name: x}", "write python_module"),
        ("values.yaml", "dagster-user-deployments:", "becomes a CodeLocation"),
        (".env", "DAGSTER_CLOUD_URL=x", "does not read"),
    ],
)
def test_tells_what_other_files_need(name: str, line: str, told: str) -> None:
    """The line stays as it is."""
    migrated = text_files.migrate(name, f"{line}\n")
    assert migrated is not None
    assert f"{line}\n" == migrated.text
    [(number, what)] = migrated.findings
    assert (1, True) == (number, told in what), what


def test_the_instances_settings_become_a_spec(tmp_path: Path) -> None:
    """What has a meaning is translated, the rest is told with its line; the old file goes."""
    text = """\
        run_queue:
          max_concurrent_runs: 7
          tag_concurrency_limits:
            - {key: dagster/concurrency_key, value: db, limit: 2}
            - {key: team, value: {applyLimitPerUniqueValue: true}, limit: 1}
        run_monitoring: {start_timeout_seconds: 60, enabled: true}
        telemetry: {enabled: false}
        """
    project(tmp_path, {"dagster.yaml": "# dagster\n" + textwrap.dedent(text)})
    done = migrate(tmp_path, "--write")
    spec = yaml.safe_load((tmp_path / "opweave.yaml").read_text(encoding="utf-8"))
    assert spec == {
        "runQueue": {
            "maxConcurrentRuns": 7,
            "tagLimits": [
                {"key": "opweave/concurrency_key", "limit": 2, "value": "db"},
                {"key": "team", "limit": 1, "valuePerUnique": True},
            ],
        },
        "runMonitoring": {"startTimeoutSeconds": 60},
    }
    assert not (tmp_path / "dagster.yaml").exists()
    assert "dagster.yaml:7  run_monitoring.enabled: has no counterpart" in done.stdout
    assert "dagster.yaml:8  telemetry: opweave sends none" in done.stdout


def test_a_workspace_is_looked_at_although_it_does_not_name_dagster(tmp_path: Path) -> None:
    """A server of another protocol is told."""
    project(tmp_path, {"workspace.yaml": "load_from:\n  - grpc_server: {port: 4000}\n"})
    done = migrate(tmp_path)
    assert "workspace.yaml:2  grpc_server: write code_server" in done.stdout
    assert "nothing to change" in done.stdout


def test_an_instance_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """Both stay as they are, and that is told."""
    project(tmp_path, {"dagster.yaml": "telemetry: {}  # dagster\n", "opweave.yaml": "{}\n"})
    before = contents(tmp_path)
    assert "opweave.yaml is there already" in migrate(tmp_path, "--write").stdout
    assert before == contents(tmp_path)


def test_what_cannot_be_read_is_told_and_harms_nothing(tmp_path: Path) -> None:
    """Bytes of another encoding, huge files, links, environments: told or left out, the rest is migrated."""
    outside = project(tmp_path / "outside", {"x.py": "import dagster\n"})
    work = project(tmp_path / "work", {"good.py": "import dagster\n", "bad.py": ""})
    (work / "bad.py").write_bytes(b"import dagster\nx = '\xff'\n")
    (work / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nimport dagster\nx = '\xe9'\n")
    (work / "marked.py").write_bytes(b"\xef\xbb\xbfimport dagster\n")
    (work / "huge.py").write_bytes(b"import dagster\n" + b"#" * (5 * 1024 * 1024))
    (work / "link.py").symlink_to(outside / "x.py")
    (work / "loop").symlink_to(work)
    project(work, {"env2/pyvenv.cfg": "", "env2/lib/y.py": "import dagster\n"})
    project(work, {".git/z.py": "import dagster\n", "venv/y.py": "import dagster\n"})
    (work / "good.py").chmod(0o755)
    os.mkfifo(work / "pipe.py")

    done = migrate(work, "--write")

    assert "3 files written" in done.stdout
    assert "bad.py:1  cannot be read, and was left alone" in done.stdout
    assert "huge.py:1  is larger than 4 MiB" in done.stdout
    assert "import dagster\n" == (outside / "x.py").read_text()
    assert (work / "link.py").is_symlink()
    assert b"import opweave\nx = '\xe9'\n" in (work / "latin.py").read_bytes()
    assert b"\xef\xbb\xbfimport opweave\n" == (work / "marked.py").read_bytes()
    assert 0o755 == stat.S_IMODE((work / "good.py").stat().st_mode)
    assert "import opweave\n" == (work / "good.py").read_text()
    for left in ("env2/lib/y.py", ".git/z.py", "venv/y.py"):
        assert "import dagster\n" == (work / left).read_text()


def test_the_difference_is_one_that_patch_understands(tmp_path: Path) -> None:
    """Paths are those of the project."""
    project(tmp_path, {"a/b.py": "import dagster\nx = 1\n"})
    lines = migrate(tmp_path).stdout.splitlines()
    assert ["--- a/a/b.py", "+++ b/a/b.py", "@@ -1,2 +1,2 @@"] == lines[:3]
    assert ["-import dagster", "+import opweave", " x = 1"] == lines[3:6]
    assert "@@" not in migrate(tmp_path, "--no-diff").stdout
