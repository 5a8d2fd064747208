"""Write the ConfigMaps of the examples from their sources; with --check only say whether they are up to date.

Run from anywhere: ``python examples/generate_configmaps.py [--check]``.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

HERE = Path(__file__).parent
MAX_BYTES = 200_000
"""Client-side `kubectl apply` keeps a copy in an annotation of at most 256 KiB."""


class Manifest(NamedTuple):
    """A ConfigMap: its name, where it is written, and the files whose names become its keys."""

    name: str
    path: Path
    sources: tuple[Path, ...]


MANIFESTS = (
    Manifest(
        "quickstart",
        HERE / "quickstart" / "configmap.yaml",
        (HERE / "quickstart" / "definitions.py",),
    ),
    Manifest(
        "penguins",
        HERE / "penguins" / "manifests" / "configmap.yaml",
        tuple(
            HERE / "penguins" / name
            for name in (
                "definitions.py",
                "columns.py",
                "engine_stdlib.py",
                "picture_svg.py",
                "report_page.py",
                "data/penguins-raw.csv",
            )
        ),
    ),
)


class _Text(str):
    """A text that YAML shows as a block."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Its own, so that the representer below stays out of yaml's."""


_Dumper.add_representer(
    _Text,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"),
)


def render(manifest: Manifest) -> str:
    """The whole text of *manifest*."""
    custom_resource = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": manifest.name},
        "data": {file.name: _Text(file.read_text(encoding="utf-8")) for file in manifest.sources},
    }
    head = (
        "# Written by examples/generate_configmaps.py from the files that it holds; change those.\n"
    )
    body = yaml.dump(
        custom_resource, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True
    )
    if len(body.encode()) > MAX_BYTES:
        raise SystemExit(f"{manifest.path} would have more than {MAX_BYTES} bytes; take a file out")
    return head + body


def main() -> int:
    """Write the manifests, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    is_check = parser.parse_args().check
    is_current = True
    for manifest in MANIFESTS:
        text = render(manifest)
        if not is_check:
            manifest.path.write_text(text, encoding="utf-8")
        elif not manifest.path.is_file() or manifest.path.read_text(encoding="utf-8") != text:
            print(f"{manifest.path} is out of date: run python examples/generate_configmaps.py")
            is_current = False
    return 0 if is_current else 1


if __name__ == "__main__":
    sys.exit(main())
