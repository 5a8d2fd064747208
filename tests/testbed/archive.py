"""Layers and images as files: what a container engine would save, without an engine."""

import hashlib
import io
import json
import os
import platform
import tarfile
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed import layout

_CHUNK_BYTES = 1 << 20
_KEPT_SECONDS = 7 * 86400
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
    if not (digest_file.exists() and file.exists()):
        scratch = file.with_suffix(f".{os.getpid()}.partial")
        try:
            write(scratch)
            digest = file_digest(scratch)
            scratch.replace(file)
            digest_file.write_text(digest)
        finally:
            scratch.unlink(missing_ok=True)
        _remove_unused(directory)
    os.utime(digest_file)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that exists as layers in the cache.

    Attributes:
        name: As pods name it, with the tag ``dev``.
        content_name: The same image under a tag that changes with its content.
        layers: From the lowest up.
        config: User, Env, Cmd and the like.
    """

    name: str
    content_name: str
    layers: tuple[Layer, ...]
    config: Config

    @property
    def description(self) -> bytes:
        """The image's configuration as its runtimes read it."""
        content = {
            "architecture": architecture(),
            "os": "linux",
            "created": _DATE,
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{e.digest}" for e in self.layers]},
            "history": [{"created": _DATE, "created_by": "opweave testbed"} for _ in self.layers],
        }
        return json.dumps(content, sort_keys=True).encode()


def image(repository: str, layers: Sequence[Layer], config: Config) -> Image:
    """Return the image of *layers* and *config*, named *repository* with its two tags."""
    content = text_digest(json.dumps(config, sort_keys=True), *(layer.digest for layer in layers))
    return Image(
        name=f"{repository}:dev",
        content_name=f"{repository}:{content}",
        layers=tuple(layers),
        config=config,
    )


def save(given: Image, file: Path) -> None:
    """Write *given* to *file* as ``docker save`` does, with both names."""
    manifest = {
        "Config": f"{_sha256(given.description)}.json",
        "RepoTags": [given.name, given.content_name],
        "Layers": [f"{layer.digest}.tar" for layer in given.layers],
    }
    scratch = file.with_suffix(f".{os.getpid()}.partial")
    try:
        with tarfile.open(scratch, "w", format=tarfile.GNU_FORMAT) as tar:
            _add_bytes(tar, f"{_sha256(given.description)}.json", given.description)
            for layer in {layer.digest: layer for layer in given.layers}.values():
                tar.add(layer.file, arcname=f"{layer.digest}.tar")
            _add_bytes(tar, "manifest.json", json.dumps([manifest]).encode())
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)


def save_new(given: Image, file: Path, *, names: Iterable[str], present: Collection[str]) -> None:
    """Write *given* to *file* as an OCI layout without the layers that its reader has.

    Args:
        given: The image.
        file: Of the layout, a tar.
        names: Full names, registry and tag included.
        present: Digests, in hexadecimal, of what the reader has.
    """
    layers = [_descriptor("layer.v1.tar", e.digest, e.file.stat().st_size) for e in given.layers]
    config = given.description
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("config.v1+json", _sha256(config), len(config)),
            "layers": layers,
        }
    ).encode()
    entry = _descriptor("manifest.v1+json", _sha256(manifest), len(manifest))
    named = [{**entry, "annotations": {"io.containerd.image.name": name}} for name in names]
    index = {"schemaVersion": 2, "manifests": named}
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as tar:
        _add_bytes(tar, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        for blob in (config, manifest):
            _add_bytes(tar, f"blobs/sha256/{_sha256(blob)}", blob)
        for layer in {layer.digest: layer for layer in given.layers}.values():
            if layer.digest not in present:
                tar.add(layer.file, arcname=f"blobs/sha256/{layer.digest}")
        _add_bytes(tar, "index.json", json.dumps(index).encode())


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


def _remove_unused(directory: Path) -> None:
    """Remove the layers that nobody asked for in a week."""
    oldest = time.time() - _KEPT_SECONDS
    for digest_file in directory.glob("*.sha256"):
        if digest_file.stat().st_mtime < oldest:
            digest_file.unlink()
            digest_file.with_suffix(".tar").unlink(missing_ok=True)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _descriptor(kind: str, digest: str, size_bytes: int) -> dict[str, object]:
    media_type = f"application/vnd.oci.image.{kind}"
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size_bytes}


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
