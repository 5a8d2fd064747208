"""Custom resources from files: what is read, what is left alone, and what each mistake is told as."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from opweave_operator.adapters.local import (
    declarations,
    manifest_schema,
    manifests,
    yaml_documents,
)
from opweave_operator.adapters.local.declarations import DeclarationError, Declarations
from opweave_operator.core import model

QUICKSTART = """
apiVersion: v1
kind: ConfigMap
metadata: {name: hello-code}
data:
  definitions.py: "print('definitions')"
  cleaning.py: "print('beside it')"
---
apiVersion: opweave.dev/v1alpha1
kind: CodeLocation
metadata: {name: quickstart}
spec:
  source: {configMap: {name: hello-code}}
  steps:
    env: [{name: CITY, value: berlin}, {name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: k}}}]
---
apiVersion: opweave.dev/v1alpha1
kind: Job
metadata: {name: hello}
spec:
  codeLocation: quickstart
  job: hello
  runConfig: {ops: {greet: {config: {name: world}}}}
  tags: {team: docs}
  priority: 5
  limits: {maxConcurrentRuns: 1}
  timeouts: {startSeconds: 60, runSeconds: 600}
  retries: {maxRetries: 2}
---
apiVersion: opweave.dev/v1alpha1
kind: Schedule
metadata: {name: hello-every-morning}
spec: {job: hello, cron: "0 6 * * *"}
---
apiVersion: opweave.dev/v1alpha1
kind: Instance
metadata: {name: default}
spec: {runQueue: {maxConcurrentRuns: 3}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: somebody-elses}
---
"""


def load(tmp_path: Path, text: str) -> Declarations:
    file = tmp_path / "manifests.yaml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return manifests.load([file], tmp_path / "home")


def test_reads_the_quickstart_as_the_cluster_would(tmp_path: Path) -> None:
    """A location with its text in a ConfigMap, a declared job and the instance's settings come out of one file."""
    found = load(tmp_path, QUICKSTART)

    [location] = found.locations
    [job] = found.jobs
    target = Path(location.template.arguments[1])
    assert (
        location.name,
        location.template.arguments[0],
        target.name,
    ) == ("quickstart", "--file", "definitions.py")
    assert {"definitions.py", "cleaning.py"} == {path.name for path in target.parent.iterdir()}
    assert dict(location.template.environment) == {"CITY": "berlin"}
    assert (
        job.name,
        job.location,
        job.priority,
        job.max_concurrent_runs,
        job.max_retries,
    ) == ("hello", "quickstart", 5, 1, 2)
    assert found.instance == {"runQueue": {"maxConcurrentRuns": 3}}


def test_says_what_has_no_effect_here(tmp_path: Path) -> None:
    """Values of Secrets are named, not silently dropped."""
    notices = " ".join(load(tmp_path, QUICKSTART).notices)

    assert "variables from Secrets" in notices


def test_a_job_may_select_assets(tmp_path: Path) -> None:
    [job] = load(tmp_path, job_with("{codeLocation: a, assets: 'group:reporting'}")).jobs
    assert (job.job, job.assets) == (model.ASSET_JOB, "group:reporting")


def test_schedules_are_declared(tmp_path: Path) -> None:
    [declared] = load(tmp_path, QUICKSTART).instigators
    assert (declared.name, declared.namespace) == ("hello-every-morning", "local")
    assert (declared.job, declared.ref.location) == ("hello", "")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ('{job: hello, cron: "0 25 * * *"}', "spec.cron: .*hour '25'"),
        ('{job: hello, cron: "@daily", timeZone: Mars/Base}', "IANA"),
        ('{cron: "@daily"}', "exactly one of job and schedule"),
        ("{schedule: nightly}", "spec.codeLocation is required"),
    ],
)
def test_a_wrong_schedule_is_refused_in_words(tmp_path: Path, spec: str, told: str) -> None:
    """What the API server's rules say on a cluster."""
    text = f"""---
apiVersion: opweave.dev/v1alpha1
kind: Schedule
metadata: {{name: wrong}}
spec: {spec}
"""
    with pytest.raises(DeclarationError, match=told):
        load(tmp_path, QUICKSTART + text)


def test_another_text_is_another_directory(tmp_path: Path) -> None:
    """Text that is served is never changed under its code server: new text stands elsewhere."""
    [before] = load(tmp_path, QUICKSTART).locations
    [same] = load(tmp_path, QUICKSTART).locations
    [after] = load(tmp_path, QUICKSTART.replace("print('beside it')", "print('new')")).locations

    assert before.template == same.template
    assert before.template.arguments != after.template.arguments


def test_reads_code_beside_the_manifest(tmp_path: Path) -> None:
    """A source with an image takes the file from the directory of the manifest, and says so."""
    (tmp_path / "shop.py").write_text("", encoding="utf-8")
    found = load(
        tmp_path,
        """
        apiVersion: opweave.dev/v1alpha1
        kind: CodeLocation
        metadata: {name: shop}
        spec: {source: {image: "ghcr.io/acme/shop:1", file: shop.py, attribute: defs}}
        """,
    )

    arguments = found.locations[0].template.arguments
    assert arguments[:2] == ("--file", str(tmp_path / "shop.py"))
    assert "not from the image" in found.notices[0]


def location_with(source: str) -> str:
    return (
        "apiVersion: opweave.dev/v1alpha1\nkind: CodeLocation\nmetadata: {name: shop}\n"
        f"spec: {{source: {source}}}\n"
    )


def job_with(spec: str) -> str:
    return f"apiVersion: opweave.dev/v1alpha1\nkind: Job\nmetadata: {{name: j}}\nspec: {spec}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1\n", r"manifests\.yaml:2:1: is not YAML"),
        ("kind: Other\n", "no document has apiVersion opweave.dev/v1alpha1"),
        ("- 1\n", "no document has apiVersion"),
        (
            "apiVersion: opweave.dev/v9\nkind: Job\n",
            "document 1: apiVersion 'opweave.dev/v9' is not known",
        ),
        (
            "apiVersion: opweave.dev/v1alpha1\nkind: Jab\nmetadata: {name: x}\n",
            "kind 'Jab' is none of",
        ),
        ("apiVersion: opweave.dev/v1alpha1\nkind: Job\n", "document 1: metadata.name is required"),
        (
            location_with("{configMap: {name: nope}}"),
            "'nope' is in none of the given files, which hold: none",
        ),
        (
            location_with("{git: {repository: 'https://x/y'}}"),
            "cloned on the cluster only",
        ),
        (location_with("{file: missing.py}"), "missing.py does not exist below"),
        (location_with("{module: a, file: b.py}"), "exactly one of file, module and package"),
        (location_with("[]"), "spec.source must be a mapping"),
        (job_with("{codeLocation: a}"), "spec needs exactly one of job and assets"),
        (job_with("{codeLocation: a, job: b, assets: c}"), "exactly one of job and assets"),
        (job_with("{assets: c}"), "spec.codeLocation is required"),
        (
            job_with("{codeLocation: a, job: b, priority: high}"),
            "spec.priority must be a whole number",
        ),
        (job_with("{codeLocation: a, job: b, tags: {n: 1}}"), "spec.tags.n must be a string"),
        (
            job_with("{codeLocation: a, job: b}") + "---\n" + job_with("{codeLocation: a, job: b}"),
            "declared twice",
        ),
        (
            "---\n" + location_with("{module: a}") + "---\n" + location_with("{module: a}"),
            "declared already in",
        ),
        ("&a [*a]\n", "holds more than"),
        ("a: !!python/object/apply:os.system [ls]\n", "is not YAML"),
    ],
)
def test_tells_what_is_wrong_and_where(tmp_path: Path, text: str, told: str) -> None:
    """Each mistake names the file, the document and what to mend."""
    with pytest.raises(DeclarationError, match=told):
        load(tmp_path, text)


def instance_with(spec: str) -> str:
    return (
        f"apiVersion: opweave.dev/v1alpha1\nkind: Instance\nmetadata: {{name: i}}\nspec: {spec}\n"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            instance_with("{runQueue: {maxConcurrentRuns: -2}}"),
            "manifests.yaml, document 1: spec.runQueue.maxConcurrentRuns must be at least",
        ),
        (
            instance_with("{runQueue: {maxConcurrentRuns: many}}"),
            "spec.runQueue.maxConcurrentRuns must be a whole number, not 'many'",
        ),
        (
            instance_with("{runQueue: {maxConcurentRuns: 1}}"),
            "spec.runQueue.maxConcurentRuns is not a field; did you mean maxConcurrentRuns?",
        ),
        (instance_with("{paused: [Everything]}"), "spec.paused[0] must be one of"),
        (job_with("{codeLocation: a, job: b, priority: 1001}"), "must be at most 1000, not 1001"),
        (
            job_with("{codeLocation: a, job: b, limits: {maxConcurrentRuns: 0}, jbo: 1}"),
            "spec.limits.maxConcurrentRuns must be at least 1",
        ),
        (
            job_with("{codeLocation: a, job: b, runConfig: text}"),
            "spec.runConfig must be a mapping",
        ),
        (job_with("{codeLocation: a, job: b, tags: {1: x}}"), "must be a string, not 1"),
        (location_with("{configMap: {key: x}}"), "spec.source.configMap.name is required"),
    ],
)
def test_ours_must_fit_their_crd(tmp_path: Path, text: str, told: str) -> None:
    """What the API server would refuse is refused here, with the field and what was expected."""
    with pytest.raises(DeclarationError, match=re.escape(told)):
        load(tmp_path, text)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """A line for each fault."""
    with pytest.raises(DeclarationError) as refused:
        load(tmp_path, job_with("{codeLocation: a, job: b, priority: x, jbo: 1}"))

    assert len(str(refused.value).splitlines()) == 2


CRD_CASES = Path(__file__).parents[3] / "integration" / "crds"
KNOWN_BY_SCHEMA = ("unknown field", "greater than or equal", "less than or equal", "Required value")


@pytest.mark.parametrize("file", sorted((CRD_CASES / "valid").glob("*.yaml")), ids=lambda f: f.stem)
def test_what_a_cluster_takes_fits(file: Path) -> None:
    """The objects that the API server accepts in the tests of the CRDs."""
    for document in yaml_documents.read(file):
        manifest_schema.check(document, document.content["kind"])


@pytest.mark.parametrize(
    "file",
    [
        file
        for file in sorted((CRD_CASES / "invalid").glob("*.yaml"))
        if any(words in file.read_text(encoding="utf-8") for words in KNOWN_BY_SCHEMA)
    ],
    ids=lambda f: f.stem,
)
def test_what_a_cluster_refuses_for_its_shape_does_not_fit(file: Path) -> None:
    """The same for those that it refuses by schema, not by a rule."""
    [document] = yaml_documents.read(file)
    with pytest.raises(DeclarationError):
        manifest_schema.check(document, document.content["kind"])


def test_names_of_config_map_keys_are_no_paths(tmp_path: Path) -> None:
    """A key cannot write outside its directory."""
    text = QUICKSTART.replace("cleaning.py:", '"../../escaped.py":')
    with pytest.raises(DeclarationError, match="must be a file name"):
        load(tmp_path, text)
    assert not list(tmp_path.rglob("escaped.py"))


def test_reads_all_manifests_of_a_directory(tmp_path: Path) -> None:
    """A directory stands for its manifests; a ConfigMap may stand in another file than its location."""
    code, rest = QUICKSTART.split("---", 1)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "b.yaml").write_text(code, encoding="utf-8")
    (tmp_path / "m" / "a.yml").write_text(rest, encoding="utf-8")

    found = manifests.load([tmp_path / "m"], tmp_path / "home")

    assert [location.name for location in found.locations] == ["quickstart"]


def test_location_names_are_no_paths() -> None:
    """A name with a slash or dots only is refused where it is declared."""
    for name in ("../x", "..", "", "a/b", "x" * 300):
        with pytest.raises(DeclarationError, match="is no name of a code location"):
            declarations.LocalLocation(
                name=name,
                template=declarations.WorkerTemplate(python="p", arguments=()),
                origin="here",
            )
