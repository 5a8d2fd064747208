"""Helm, as the test cluster brings it; no cluster is needed."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import testbed
from testbed import binaries

ROOT = Path(__file__).parents[3]
Manifest = dict[str, Any]
"""A Kubernetes object as YAML has it."""


class Helm:
    """The program, with the chart as its last argument."""

    chart = ROOT / "charts" / "opweave"

    def __init__(self, program: Path) -> None:
        self.program = program

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run helm and return what it did, whether it succeeded or not."""
        command = [str(self.program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def template(self, *settings: str) -> subprocess.CompletedProcess[str]:
        """Render the chart with *settings* as ``--set`` takes them."""
        options = [option for setting in settings for option in ("--set", setting)]
        place = ("--namespace", "platform", "--kube-version", "1.35.0")
        return self.run("template", "opweave", str(self.chart), *place, *options)


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The real helm, built once into the cache."""
    try:
        return Helm(binaries.build(binaries.HELM) / "helm")
    except testbed.Unavailable as unavailable:
        pytest.skip(str(unavailable))


@pytest.fixture(scope="session")
def render(helm: Helm) -> Callable[..., list[Manifest]]:
    """Return the objects that the chart makes of some settings; each choice is rendered once."""
    known: dict[tuple[str, ...], list[Manifest]] = {}

    def rendered(*settings: str) -> list[Manifest]:
        if settings not in known:
            done = helm.template(*settings)
            assert done.returncode == 0, done.stderr
            documents = yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)
            known[settings] = [manifest for manifest in documents if manifest]
        return copy.deepcopy(known[settings])

    return rendered
