"""Every error that opweave raises on purpose.

::

    OpweaveError
    ├── OpweaveInvalidDefinitionError           fix the code: an op, graph, job, resource or Definitions is wrong
    │   └── OpweaveInvalidConfigDefinitionError fix the code: a config schema is wrong
    ├── OpweaveInvalidConfigError               fix the run config; carries every problem at once
    ├── OpweaveInvalidInvocationError           fix the call: an op was called directly with wrong arguments
    ├── OpweaveInvalidSubsetError               fix the op selection
    ├── OpweaveInvariantViolationError          fix the code: a body broke a rule while it ran
    │   └── OpweaveStepOutputNotFoundError      a body ended without an output that it must give
    ├── OpweaveAssetCheckFailedError            fix the data: a blocking check of an asset failed
    ├── OpweaveUnknownResourceError             a resource is used that the op did not ask for
    ├── OpweaveTypeCheckDidNotPass              a value is not of the type that its input or output declares
    ├── OpweaveOpTimedOutError                  a body ran longer than the op's time limit
    ├── OpweavePipesError                       what an external process reported is not what was asked of it
    │   └── OpweavePipesExecutionError          it failed
    └── OpweaveUserCodeExecutionError           the user's code raised; ``__cause__`` is what it raised
        ├── OpweaveExecutionStepExecutionError  an op's body
        ├── OpweaveResourceFunctionError        a resource's set-up
        ├── OpweaveExecutionLoadInputError      an I/O manager's ``load_input``
        └── OpweaveExecutionHandleOutputError   an I/O manager's ``handle_output``
            └── OpweaveUnserializableOutputError    the value cannot be pickled

    StepTerminated (a BaseException)            the step was told to stop; user code must not swallow it

The names are Dagster's under the rename.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from opweave.deferred import deferred_module

if TYPE_CHECKING:
    import difflib

    from opweave.wire.location import ConfigProblem
else:
    difflib = deferred_module("difflib")


class OpweaveError(Exception):
    """Anything that opweave raises on purpose."""


class OpweaveInvalidDefinitionError(OpweaveError):
    """A definition is wrong: the text says which one, where it stands and how to mend it."""


class OpweaveInvalidConfigDefinitionError(OpweaveInvalidDefinitionError):
    """A config schema is wrong."""


class OpweaveInvalidConfigError(OpweaveError):
    """A run config is wrong.

    Attributes:
        problems: Every problem that was found, in the order of the schema.
    """

    def __init__(self, subject: str, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"{subject}: {count} problem{'' if count == 1 else 's'}"]
        lines += [f"  {'.'.join(p.path) or 'run config'} {p.message}" for p in self.problems]
        super().__init__("\n".join(lines))


class OpweaveInvalidInvocationError(OpweaveError):
    """An op was called directly with arguments that do not fit it."""


class OpweaveInvalidSubsetError(OpweaveError):
    """An op selection names nothing in the job."""


class OpweaveInvariantViolationError(OpweaveError):
    """A body broke a rule while it ran."""


class OpweaveStepOutputNotFoundError(OpweaveInvariantViolationError):
    """A body ended without an output that it must give."""


class OpweaveAssetCheckFailedError(OpweaveError):
    """A blocking check of an asset failed, so nothing downstream is made of that data."""


class OpweaveUnknownResourceError(OpweaveError, AttributeError):
    """A resource is used that the op did not ask for."""


class OpweaveTypeCheckDidNotPass(OpweaveError):  # the field's own name
    """A value is not of the type that its input or output declares."""


class OpweaveUserCodeExecutionError(OpweaveError):
    """The user's code raised; ``__cause__`` is what it raised."""


class OpweaveExecutionStepExecutionError(OpweaveUserCodeExecutionError):
    """An op's body raised."""


class OpweaveOpTimedOutError(OpweaveError):
    """An op's body ran longer than the op's time limit."""


class OpweavePipesError(OpweaveError):
    """What an external process reported is not what was asked of it."""


class OpweavePipesExecutionError(OpweavePipesError):
    """An external process failed."""


class OpweaveResourceFunctionError(OpweaveUserCodeExecutionError):
    """The set-up of a resource raised."""


class OpweaveExecutionLoadInputError(OpweaveUserCodeExecutionError):
    """An I/O manager could not load an input."""


class OpweaveExecutionHandleOutputError(OpweaveUserCodeExecutionError):
    """An I/O manager could not store an output."""


class OpweaveUnserializableOutputError(OpweaveExecutionHandleOutputError):
    """An output's value cannot be pickled."""


class StepTerminated(BaseException):  # like KeyboardInterrupt it is a request, not an error
    """The step was told to stop.

    Raised in the main thread by the step process's signal handler. It passes through user code and through the
    execution of the step; resources are torn down on its way.
    """


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return ``"; did you mean NAME?"`` with the closest of *candidates*, or an empty text when none is close."""
    close = difflib.get_close_matches(name[:100], [c for c in candidates if c != name], n=1)
    return f"; did you mean {close[0]}?" if close else ""
