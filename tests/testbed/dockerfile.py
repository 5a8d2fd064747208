"""Reads the project's Dockerfiles: the description that both ways of building an image share.

Not an interpreter. It takes the default of each ARG, the requirement files that are copied, and the last stage's COPY,
ENV, USER, WORKDIR, ENTRYPOINT, CMD and LABEL; what the RUN lines say, ``images`` does by itself.
"""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import TestbedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """What one Dockerfile says.

    Attributes:
        base: Of the last stage: the name of an image, or of an earlier stage.
        arguments: Name -> default, of every ARG.
        requirements: Files of locked requirements, relative to the repository.
        copies: (pattern, target directory) of what the last stage copies from the repository.
        installs_wheel: Whether our own wheel is copied.
        config: What the last stage adds to the image's configuration.
    """

    base: str
    arguments: dict[str, str]
    requirements: tuple[str, ...]
    copies: tuple[tuple[str, str], ...]
    installs_wheel: bool
    config: dict[str, object]


def read(file: Path) -> Dockerfile:
    """Read *file*.

    Raises:
        TestbedError: It has an instruction that is not understood.
    """
    arguments: dict[str, str] = {}
    requirements: list[str] = []
    copies: list[tuple[str, str]] = []
    config: dict[str, object] = {}
    installs_wheel = False
    base = ""
    for keyword, rest in _instructions(file.read_text()):
        value = re.sub(r"\$\{(\w+)\}", lambda match: arguments.get(match[1], match[0]), rest)
        match keyword:
            case "FROM":
                base = value.split()[0]
                copies, config = [], {}
            case "ARG":
                name, _, default = shlex.split(rest)[0].partition("=")
                arguments[name] = default
            case "COPY" if not value.startswith("--from="):
                *sources, target = value.split()
                copies += [(source, target) for source in sources]
                requirements += [s for s in sources if s.startswith("requirements/")]
                installs_wheel = installs_wheel or any(s.endswith(".whl") for s in sources)
            case "COPY" | "RUN":
                pass
            case _:
                _add_to_config(config, keyword, value, file)
    return Dockerfile(
        base=base,
        arguments=arguments,
        requirements=tuple(requirements),
        copies=tuple(copies),
        installs_wheel=installs_wheel,
        config=config,
    )


def merged(lower: dict[str, object], upper: dict[str, object]) -> dict[str, object]:
    """Return the configuration of an image that is built on another: lists of variables and labels add up."""
    result = {**lower, **upper}
    if "Env" in lower and "Env" in upper:
        variables = dict(
            str(item).split("=", 1) for item in [*_as_list(lower["Env"]), *_as_list(upper["Env"])]
        )
        result["Env"] = [f"{name}={value}" for name, value in variables.items()]
    return result


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _add_to_config(config: dict[str, object], keyword: str, value: str, file: Path) -> None:
    match keyword:
        case "ENV":
            config["Env"] = [*_as_list(config.get("Env")), *shlex.split(value)]
        case "LABEL":
            labels = dict(word.split("=", 1) for word in shlex.split(value))
            present = config.get("Labels")
            config["Labels"] = {**(present if isinstance(present, dict) else {}), **labels}
        case "USER":
            config["User"] = value
        case "WORKDIR":
            config["WorkingDir"] = value
        case "ENTRYPOINT":
            config["Entrypoint"] = json.loads(value)
        case "CMD":
            config["Cmd"] = json.loads(value)
        case "EXPOSE":
            config["ExposedPorts"] = {f"{port}/tcp": {} for port in value.split()}
        case _:
            raise TestbedError(f"{file}: the test cluster's builder does not know {keyword}")


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in joined.splitlines()
    ]
