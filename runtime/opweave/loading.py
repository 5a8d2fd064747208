# ruff: noqa: PTH100, PTH112, PTH113, PTH118, PTH119, PTH120, PTH122
# pathlib costs 6 ms of CPU to import, which every step would pay.
"""Find and load the one `Definitions` that a code location, a step or the command line points at.

Called by the step's worker and the code server. Everything that can go wrong in the user's files ends in one
`LoadError`, whose `LoadFailure` says in one line what failed and where, with the user's frames only.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, NamedTuple

from opweave.errors import StepTerminated
from opweave.tracebacks import MAX_CHARACTERS, is_user_file, user_traceback

if TYPE_CHECKING:
    from opweave import Definitions
    from opweave.wire.location import LoadFailure

MAX_MESSAGE_CHARACTERS = 2_000
_OPTIONS = {
    "--module": "module",
    "-m": "module",
    "--file": "file",
    "-f": "file",
    "--package": "package",
    "-p": "package",
    "--attribute": "attribute",
    "-a": "attribute",
    "--working-directory": "working_directory",
    "-d": "working_directory",
}
_TARGETS = ("module", "file", "package")


class UsageError(ValueError):
    """The command line is wrong; the text says how it should be."""


class LoadError(Exception):
    """The definitions cannot be loaded.

    Attributes:
        reason: CamelCase, as `opweave.wire.location.LoadFailure` has it.
        message: One line: class and text of the error with file and line.
        traceback: The user's frames only.
    """

    def __init__(self, reason: str, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.traceback = traceback

    def failure(self, output: str = "") -> LoadFailure:
        """Return the error in the words of the wire; *output* is the end of what loading printed."""
        from opweave.wire.location import LoadFailure  # noqa: PLC0415 - 10 ms that a step need not spend

        return LoadFailure(
            reason=self.reason, message=self.message, traceback=self.traceback, output=output
        )


class CodePointer(NamedTuple):
    """Where the user's definitions stand.

    Attributes:
        kind: ``module``, ``file`` or ``package``.
        target: A dotted name, or the path of a Python file.
        attribute: Name in the module; None means its only `Definitions`.
        working_directory: Put first on ``sys.path``; None means the current directory.
    """

    kind: str
    target: str
    attribute: str | None = None
    working_directory: str | None = None

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> tuple[CodePointer, list[str]]:
        """Return the pointer in command-line *arguments*, and the arguments that are not part of it.

        Raises:
            UsageError: There is no target or more than one, or a value is missing.
        """
        values: dict[str, str] = {}
        rest: list[str] = []
        remaining = list(arguments)
        while remaining:
            option, separator, value = remaining.pop(0).partition("=")
            name = _OPTIONS.get(option)
            if name is None:
                rest.append(option + separator + value)
                continue
            if not separator:
                if not remaining:
                    raise UsageError(f"{option} needs a value")
                value = remaining.pop(0)
            if not value:
                raise UsageError(f"{option} needs a value that is not empty")
            if values.setdefault(name, value) != value:
                raise UsageError(f"{option} is given twice: {values[name]!r} and {value!r}")
        targets = [name for name in _TARGETS if name in values]
        if len(targets) != 1:
            found = " and ".join(f"--{name}" for name in targets) or "none of them"
            raise UsageError(
                "name the code by exactly one of --module NAME, --file PATH and --package NAME; "
                f"given: {found}"
            )
        pointer = cls(
            kind=targets[0],
            target=values[targets[0]],
            attribute=values.get("attribute"),
            working_directory=values.get("working_directory"),
        )
        return pointer, rest

    @property
    def directory(self) -> str:
        """The absolute working directory."""
        return os.path.abspath(self.working_directory or os.curdir)

    def __str__(self) -> str:
        """Return the pointer as a person would name it: ``module shop.definitions``."""
        return f"{self.kind} {self.target}"


def load_definitions(pointer: CodePointer) -> Definitions:
    """Import what *pointer* names and return its definitions.

    Raises:
        LoadError: The user's code raised, ``SystemExit`` included, or no definitions were found.
    """
    try:
        return _find(pointer, _import(pointer))
    except (LoadError, KeyboardInterrupt, StepTerminated):
        raise
    except BaseException as error:
        raise describe_error(error, pointer.directory) from error


def describe_error(error: BaseException, directory: str, reason: str = "") -> LoadError:
    """Return what *error*, raised while user code was loaded, means.

    Args:
        error: What was raised.
        directory: Paths under it are shown relative to it.
        reason: CamelCase; empty means ``DefinitionInvalid`` for opweave's own errors and ``ImportFailed`` for others.
    """
    text = _one_line(error)
    if isinstance(error, SystemExit):
        text += "; code that opweave loads must not end the process when it is imported"
    place = _place(error, directory)
    return LoadError(
        reason=reason or ("DefinitionInvalid" if _is_ours(error) else "ImportFailed"),
        message=f"{text}  ({place})" if place else text,
        traceback=user_traceback(error),
    )


def describe_hang(frame: FrameType | None, timeout_seconds: float, directory: str) -> LoadError:
    """Return what it means that loading has not ended after *timeout_seconds* and its thread stands at *frame*."""
    import traceback  # noqa: PLC0415 - only a failure pays for it

    stack = traceback.extract_stack(frame) if frame is not None else traceback.StackSummary()
    kept = [entry for entry in stack if is_user_file(entry.filename)]
    while kept and not kept[0].filename.startswith(os.path.join(directory, "")):
        del kept[0]  # the interpreter's own way to the first line of user code
    kept = kept or [entry for entry in stack if is_user_file(entry.filename)]
    place = ""
    if kept:
        own = [e for e in kept if e.filename.startswith(os.path.join(directory, ""))]
        at = (own or kept)[-1]
        place = f"  ({at.filename.removeprefix(os.path.join(directory, ''))}:{at.lineno})"
    return LoadError(
        reason="LoadTimedOut",
        message=f"loading has not ended after {timeout_seconds:g} s; it stands here now{place}",
        traceback="".join(traceback.StackSummary.from_list(kept).format())[-MAX_CHARACTERS:],
    )


def _import(pointer: CodePointer) -> ModuleType:
    directory = pointer.directory
    if not os.path.isdir(directory):
        raise LoadError(
            reason="ImportFailed",
            message=f"the working directory {directory} does not exist; correct --working-directory",
        )
    _put_first_on_path(directory)
    if pointer.kind == "file":
        return _import_file(os.path.join(directory, pointer.target))
    try:
        return importlib.import_module(pointer.target)
    except ModuleNotFoundError as error:
        is_target = error.name is not None and f"{pointer.target}.".startswith(f"{error.name}.")
        if not is_target or _place(error, directory):
            raise
        raise LoadError(
            reason="ImportFailed",
            message=(
                f"ModuleNotFoundError: {error}: {pointer} was looked for in {directory} and among "
                "the installed packages; correct the name or --working-directory, or install it"
            ),
        ) from error


def _import_file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        raise LoadError(
            reason="ImportFailed",
            message=f"FileNotFoundError: there is no file {path}; correct --file or --working-directory",
        )
    _put_first_on_path(os.path.dirname(path), after=1)
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadError(
            reason="ImportFailed", message=f"{path} is no Python file: its name must end in .py"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that classes defined in the file can be pickled
    spec.loader.exec_module(module)
    return module


def _module_name(path: str) -> str:
    """Return a name for the file that is the same in every process and hides no other module."""
    stem = os.path.splitext(os.path.basename(path))[0]
    name = "".join(c if c.isalnum() or c == "_" else "_" for c in stem)
    is_free = name.isidentifier() and name not in sys.modules
    return name if is_free and name not in sys.stdlib_module_names else f"opweave_file_{name}"


def _put_first_on_path(directory: str, after: int = 0) -> None:
    if directory not in sys.path:
        sys.path.insert(after, directory)


def _find(pointer: CodePointer, module: ModuleType) -> Definitions:
    if pointer.attribute is not None:
        return _from_attribute(pointer, module, pointer.attribute)
    from opweave import Definitions  # noqa: PLC0415 - after the user's code, which may have failed without it

    found = {name: value for name, value in vars(module).items() if isinstance(value, Definitions)}
    distinct = {id(value): value for value in found.values()}
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    if "defs" in found:
        return found["defs"]
    if found:
        names = ", ".join(sorted(found))
        raise _no_definitions(
            f"{pointer} has {len(distinct)} Definitions ({names}); name one by --attribute, "
            "or call the one to serve `defs`"
        )
    return _from_jobs(pointer, module)


def _from_attribute(pointer: CodePointer, module: ModuleType, attribute: str) -> Definitions:
    from opweave import Definitions, JobDefinition  # noqa: PLC0415 - as in _find

    value = getattr(module, attribute, None)
    if value is None:
        names = ", ".join(sorted(name for name in vars(module) if not name.startswith("_"))[:20])
        raise _no_definitions(
            f"{pointer} has no attribute {attribute!r}; it has: {names or 'no public name at all'}"
        )
    if callable(value) and not isinstance(value, (Definitions, JobDefinition)):
        value = value()
    if isinstance(value, Definitions):
        return value
    if isinstance(value, JobDefinition):
        return Definitions(jobs=[value])
    raise _no_definitions(
        f"{attribute!r} of {pointer} is {_kind_of(value)}; it must be a Definitions, a job, or a "
        "function without parameters that returns one of them"
    )


def _from_jobs(pointer: CodePointer, module: ModuleType) -> Definitions:
    from opweave import Definitions, JobDefinition  # noqa: PLC0415 - as in _find

    jobs = {id(v): v for v in vars(module).values() if isinstance(v, JobDefinition)}
    if jobs:
        return Definitions(jobs=list(jobs.values()))
    assets = _loose_assets(module)
    if assets is not None:
        return assets
    names = [f"{n} ({_kind_of(v)})" for n, v in vars(module).items() if _is_own(v, module)][:20]
    raise _no_definitions(
        f"{pointer} defines no Definitions, no job and no asset; add `defs = Definitions(jobs=[...])`; "
        f"found: {', '.join(names) or 'no function, class or definition'}"
    )


def _loose_assets(module: ModuleType) -> Definitions | None:
    """Return the definitions of the assets, their checks and their jobs that *module* holds, if it holds any asset."""
    if "opweave.definitions.assets.assets_definition" not in sys.modules:
        return None
    import opweave  # noqa: PLC0415 - as in _find

    assets = opweave.load_assets_from_modules([module])
    checks = opweave.load_asset_checks_from_modules([module])
    jobs = [value for value in vars(module).values() if hasattr(value, "__opweave_asset_job__")]
    return opweave.Definitions(assets=assets, asset_checks=checks, jobs=jobs) if assets else None


def _is_own(value: object, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) in (module.__name__, "opweave") or type(
        value
    ).__module__.startswith("opweave.")


def _kind_of(value: object) -> str:
    return f"a {type(value).__name__}"


def _no_definitions(message: str) -> LoadError:
    return LoadError(reason="NoDefinitions", message=message)


def _is_ours(error: BaseException) -> bool:
    from opweave.errors import OpweaveError  # noqa: PLC0415 - only a failure pays for it

    return isinstance(error, OpweaveError)


def _one_line(error: BaseException) -> str:
    try:
        text = str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        text = "(its text cannot be shown)"
    line = f"{type(error).__name__}: {' '.join(text.split())}".removesuffix(": ")
    return line if len(line) <= MAX_MESSAGE_CHARACTERS else f"{line[:MAX_MESSAGE_CHARACTERS]}..."


def _place(error: BaseException, directory: str) -> str:
    """Return ``file:line`` of the innermost frame in *directory*, else of the innermost not ours, else nothing."""
    if isinstance(error, SyntaxError) and error.filename:
        places = [(error.filename, error.lineno or 0)]
    else:
        places = []
        step = error.__traceback__
        while step is not None:
            places.append((step.tb_frame.f_code.co_filename, step.tb_lineno))
            step = step.tb_next
    prefix = os.path.join(directory, "")
    users = [place for place in places if is_user_file(place[0])]
    own = [place for place in users if place[0].startswith(prefix)]
    if not users:
        return ""
    filename, line = (own or users)[-1]
    return f"{filename.removeprefix(prefix)}:{line}"
