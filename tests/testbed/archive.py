"""Layers and images as files: what a container engine would save, without an engine."""

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed import layout

_CHUNK_BYTES = 1 << 20
# The same content must give the same digest, so nothing in an image is dated but the files of Debian's packages.
_DATE = "2024-01-01T00:00:00Z"
_DATE_SECONDS = 1704067200

Config = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of an image.

    Attributes:
        file: An uncompressed tar.
        digest: SHA-256 of it, in hexadecimal.
    """

    file: Path
    digest: str


def layer(key: str, write: Callable[[Path], None]) -> Layer:
    """Return the layer with the cache key *key*, made by *write* unless the cache has it.

    Args:
        key: A name that changes whenever the content would.
        write: Writes the tar to the path which it is given.
    """
    directory = layout.cache() / "images" / "layers"
    directory.mkdir(parents=True, exist_ok=True)
    file, digest_file = directory / f"{key}.tar", directory / f"{key}.sha256"
    if not digest_file.exists():
        scratch = file.with_suffix(f".{os.getpid()}.partial")
        try:
            write(scratch)
            digest = file_digest(scratch)
            scratch.replace(file)
            digest_file.write_text(digest)
        finally:
            scratch.unlink(missing_ok=True)
    return Layer(file=file, digest=digest_file.read_text())


def pack(directory: Path, file: Path) -> None:
    """Write the content of *directory* to the tar *file*: sorted, dated alike, owned by root."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = _DATE_SECONDS
        entry.mode = (entry.mode | 0o444) & 0o1777
        return entry

    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(directory.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(directory)), recursive=False, filter=plain)


def write_image(
    file: Path, *, layers: Sequence[Layer], config: Config, tags: Iterable[str]
) -> None:
    """Write an image to *file* in the format of ``docker save``.

    Args:
        file: Replaced when all is written.
        layers: From the lowest up.
        config: As in the image's configuration: User, Env, Cmd and the like.
        tags: Full names, each with a tag.
    """
    description = {
        "architecture": architecture(),
        "os": "linux",
        "created": _DATE,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
        "history": [{"created": _DATE, "created_by": "opweave testbed"} for _ in layers],
    }
    text = json.dumps(description, sort_keys=True).encode()
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    members = {layer.digest: layer for layer in layers}
    manifest = [
        {
            "Config": config_name,
            "RepoTags": list(tags),
            "Layers": [f"{layer.digest}.tar" for layer in layers],
        }
    ]
    scratch = file.with_suffix(f".{os.getpid()}.partial")
    try:
        with tarfile.open(scratch, "w", format=tarfile.GNU_FORMAT) as tar:
            _add_bytes(tar, config_name, text)
            for digest, member in members.items():
                tar.add(member.file, arcname=f"{digest}.tar")
            _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)


def tags_of(file: Path) -> list[str]:
    """Return the tags of the image in *file*."""
    with tarfile.open(file) as tar:
        member = tar.extractfile("manifest.json")
        if member is None:
            raise LookupError(f"{file} is no saved image")
        return [tag for image in json.load(member) for tag in image["RepoTags"]]


def architecture() -> str:
    """Return this machine's architecture in the words of container images."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def file_digest(file: Path) -> str:
    """Return the SHA-256 of *file* in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def text_digest(*texts: str) -> str:
    """Return a short digest of *texts*."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
