"""Builds the project's images without a container engine and without a registry.

An image is four layers: Debian with Python, the locked requirements, our wheel, the example's code. Each is cached by what
it is made of, so that a change of our code costs a few seconds. ``dockerfile`` says what goes into which image.
"""

import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from testbed import archive, binaries, commands, dockerfile, layout, wheel
from testbed.errors import TestbedError

_PYTHON_VERSION = "3.11"  # Debian 12's
_PACKAGES_DIRECTORY = Path(f"usr/local/lib/python{_PYTHON_VERSION}/dist-packages")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_COMPILE = ("python3", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash")

# What the Dockerfiles do in their first RUN; $1 is the new root directory.
_PREPARE = f"""\
set -e
chroot "$1" groupadd --gid 65532 opweave
chroot "$1" useradd --uid 65532 --gid 65532 --create-home --home-dir /home/opweave opweave
ln -s /usr/bin/python3 "$1/usr/local/bin/python"
chroot "$1" {" ".join(_COMPILE)} /usr/lib/python3 /usr/lib/python{_PYTHON_VERSION}
rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin
rm -f "$1"/var/log/*.log "$1"/var/log/apt/* "$1"/etc/machine-id "$1"/etc/resolv.conf "$1"/etc/hostname
"""

DOCKERFILES = {
    "runtime": "runtime/Dockerfile",
    "operator": "operator/Dockerfile",
    "penguins": "examples/penguins/Dockerfile",
}


def build(name: str) -> archive.Image:
    """Build the image *name*: ``busybox`` or one of ``DOCKERFILES``; what the cache has is not built again.

    Raises:
        TestbedError: There is no such image, or its Dockerfile is not understood.
    """
    if name == "busybox":
        return build_busybox()
    layers, config = _layers_and_config(name)
    return archive.image(f"opweave/{name}", layers, config)


def save(given: archive.Image) -> Path:
    """Return *given* in a file as ``docker save`` writes it."""
    stem = given.name.removesuffix(":dev").replace("/", "-")
    file = layout.cache() / "images" / f"{stem}-{given.content_name.rpartition(':')[2]}.tar"
    if not file.exists():
        # Only the newest of each name is kept: an image takes some hundred megabytes.
        for older in file.parent.glob(f"{stem}-*.tar"):
            older.unlink()
        archive.save(given, file)
    return file


def build_busybox() -> archive.Image:
    """Build ``opweave-test/busybox:dev``: one static program, for tests that only need a container.

    Its wget crashes when it is given ``-T``: Debian 12's does.
    """
    config: archive.Config = {"Env": ["PATH=/bin"], "Cmd": ["sh"]}
    return archive.image("opweave-test/busybox", [_busybox_layer()], config)


def build_pause() -> archive.Image:
    """Build ``opweave-test/pause:dev``, the image of pod sandboxes."""
    sleep = ["/bin/busybox", "sleep", "2147483647"]
    config: archive.Config = {"Entrypoint": sleep, "User": "65535"}
    return archive.image("opweave-test/pause", [_busybox_layer()], config)


def _busybox_layer() -> archive.Layer:
    found = commands.find("busybox")
    if found is None:
        raise TestbedError("busybox is not installed (Debian: busybox-static)")
    program = Path(found)

    def write(file: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            for directory in ("bin", "tmp", "etc"):
                (root / directory).mkdir()
            (root / "tmp").chmod(0o1777)
            shutil.copy(program, root / "bin" / "busybox")
            for applet in commands.run([program, "--list"]).stdout.split():
                if applet != "busybox":
                    (root / "bin" / applet).symlink_to("busybox")
            archive.pack(root, file)

    return archive.layer(f"busybox-{archive.file_digest(program)[:16]}", write)


def _layers_and_config(name: str) -> tuple[list[archive.Layer], archive.Config]:
    if name not in DOCKERFILES:
        raise TestbedError(f"there is no image {name!r}; known: {', '.join(DOCKERFILES)}, busybox")
    description = dockerfile.read(layout.REPOSITORY / DOCKERFILES[name])
    lower = re.fullmatch(r"opweave/(\w+):dev", description.base)
    if lower is None:
        layers = _insert_requirements([_base_layer(description)], description, ())
        config = dockerfile.merged({"Env": [_PATH]}, description.config)
    else:
        layers, lower_config = _layers_and_config(lower[1])
        installed = dockerfile.read(layout.REPOSITORY / DOCKERFILES[lower[1]]).requirements
        layers = _insert_requirements(layers, description, installed)
        if description.copies:
            layers.append(_copied_layer(description))
        config = dockerfile.merged(lower_config, description.config)
    if description.installs_wheel:
        layers.append(_wheel_layer())
    return layers, config


def _insert_requirements(
    layers: list[archive.Layer],
    description: dockerfile.Dockerfile,
    already_installed: Iterable[str],
) -> list[archive.Layer]:
    """Return *layers* with one for the description's requirements right above the lowest."""
    present = {pin for file in already_installed for pin in _pins(layout.REPOSITORY / file)}
    texts = [_without(layout.REPOSITORY / file, present) for file in description.requirements]
    text = "\n".join(text for text in texts if text)
    return [layers[0], _requirements_layer(text), *layers[1:]] if text else layers


def _pins(file: Path) -> dict[str, str]:
    """Return the pinned requirements in *file*, ``name==version``, with the text of each."""
    if not file.exists():
        return {}
    text = re.sub(r"\\\n", " ", file.read_text())
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    return {re.split(r"[\s;]", line.strip(), maxsplit=1)[0]: line for line in lines}


def _without(file: Path, present: set[str]) -> str:
    """Return the requirements in *file* that are not in *present*.

    Raises:
        TestbedError: Another version of one of them is.
    """
    versions = dict(pin.split("==") for pin in present)
    wanted = {pin: text for pin, text in _pins(file).items() if pin not in present}
    for pin in wanted:
        distribution = pin.split("==")[0]
        if distribution in versions:
            raise TestbedError(
                f"{file} has {pin}, the image below it {distribution}=={versions[distribution]}"
            )
    return "\n".join(wanted.values())


def _base_root() -> tuple[str, Path, list[str]]:
    """Return cache key, root directory and packages of Debian with Python.

    One for all images, that of the largest: half the time and space of one each.
    """
    arguments = dockerfile.read(layout.REPOSITORY / DOCKERFILES["runtime"]).arguments
    packages = arguments["PACKAGES"].split()
    key = archive.text_digest(arguments["DEBIAN"], *packages, _PREPARE)
    return (
        f"base-{key}",
        layout.cache() / "images" / f"base-{key}",
        [arguments["DEBIAN"], *packages],
    )


def _base_layer(description: dockerfile.Dockerfile) -> archive.Layer:
    key, root, (suite, *packages) = _base_root()
    unknown = set(description.arguments.get("PACKAGES", "").split()) - set(packages)
    if unknown:
        raise TestbedError(
            f"PACKAGES of {DOCKERFILES['runtime']} lacks {' '.join(sorted(unknown))}"
        )

    def write(file: Path) -> None:
        commands.say("making the base file system (half a minute)")
        prepare = file.with_suffix(".sh")
        prepare.write_text(_PREPARE)
        # Not *file* itself: mmdebstrap chooses the format by the suffix.
        tar = file.with_suffix(".tar")
        commands.run(
            [
                *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"),
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                "--aptopt=Apt::Install-Recommends false",
                f'--customize-hook=sh {prepare} "$1"',
                *(suite, tar),
            ]
        )
        tar.replace(file)
        prepare.unlink()

    layer = archive.layer(key, write)
    if not root.exists():
        # Unpacked too: bytecode is compiled by the Python that will read it.
        scratch = Path(tempfile.mkdtemp(dir=root.parent))
        commands.run(["tar", "-C", scratch, "-xf", layer.file])
        scratch.chmod(0o755)
        for older in root.parent.glob("base-*"):
            shutil.rmtree(older)
        scratch.rename(root)
    return layer


def _requirements_layer(requirements: str) -> archive.Layer:
    def install(target: Path) -> None:
        commands.say("installing locked requirements into an image layer")
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(requirements)
            file.flush()
            _pip_install(target, "--require-hashes", "-r", file.name)

    return _python_layer(
        archive.text_digest("requirements", requirements, _base_root()[0]), install
    )


def _wheel_layer() -> archive.Layer:
    built = wheel.build()

    def install(target: Path) -> None:
        _pip_install(target, "--no-index", built)

    return _python_layer(
        archive.text_digest("wheel", archive.file_digest(built), _base_root()[0]), install
    )


def _python_layer(key: str, install: Callable[[Path], None]) -> archive.Layer:
    """Return a layer with what *install* puts into the directory that it is given, compiled."""

    def write(file: Path) -> None:
        with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
            root = Path(scratch)
            packages = root / _PACKAGES_DIRECTORY
            packages.mkdir(parents=True)
            install(packages)
            _move_scripts(packages / "bin", root / "usr/local/bin")
            if (packages / "share").exists():
                (packages / "share").rename(root / "usr/local/share")
            _compile(packages)
            archive.pack(root, file)

    return archive.layer(f"python-{key}", write)


def _pip_install(target: Path, *arguments: str | Path) -> None:
    """Install wheels with the image's own Python: it picks the right ones and evaluates markers, whatever runs this.

    Run in place rather than by chroot, so that it has this machine's network, certificates and settings of pip.
    """
    root = _base_root()[1]
    loader = next(root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"))
    python = [loader, "--library-path", loader.parent, root / f"usr/bin/python{_PYTHON_VERSION}"]
    options = [
        "install",
        "-q",
        "--no-deps",
        "--no-compile",
        "--only-binary",
        ":all:",
        "--target",
        target,
    ]
    commands.run(
        [*python, "-m", "pip", "--disable-pip-version-check", "--no-input", *options, *arguments],
        env={
            "PYTHONHOME": str(root / "usr"),
            "PYTHONPATH": str(binaries.pip_package()),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        },
    )


def _move_scripts(source: Path, target: Path) -> None:
    """Move console scripts to where they are found, with the interpreter of the image."""
    if not source.exists():
        return
    target.mkdir(parents=True)
    for script in sorted(source.iterdir()):
        content = script.read_bytes()
        if content.startswith(b"#!") and b"python" in content.split(b"\n", 1)[0]:
            content = b"#!/usr/bin/python3\n" + content.split(b"\n", 1)[1]
        (target / script.name).write_bytes(content)
        (target / script.name).chmod(0o755)
    shutil.rmtree(source)


def _compile(packages: Path) -> None:
    """Compile *packages* with the image's Python, under the path that they will have in the image."""
    root = _base_root()[1]
    inside = root / _PACKAGES_DIRECTORY
    inside.mkdir(parents=True, exist_ok=True)
    # The mount is private to this one command and vanishes with it.
    script = 'mount --bind "$1" "$2" && exec chroot "$3" "${@:4}"'
    command = ["unshare", "--mount", "bash", "-c", script, "bash", packages, inside, root]
    # Templates and samples inside packages need not be valid Python: the status says nothing.
    commands.run([*command, *_COMPILE, f"/{_PACKAGES_DIRECTORY}"], check=False)


def _copied_layer(description: dockerfile.Dockerfile) -> archive.Layer:
    files = [
        (file, target)
        for pattern, target in description.copies
        for file in sorted(layout.REPOSITORY.glob(pattern))
    ]
    content = [f"{file}:{target}:{archive.file_digest(file)}" for file, target in files]

    def write(tar: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            for file, target in files:
                place = Path(scratch) / target.strip("/")
                place.mkdir(parents=True, exist_ok=True)
                copy = Path(shutil.copy(file, place))
                copy.chmod(stat.S_IMODE(copy.stat().st_mode) & 0o755)
            archive.pack(Path(scratch), tar)

    return archive.layer(f"copied-{archive.text_digest(*content)}", write)
