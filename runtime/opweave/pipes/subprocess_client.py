"""Run a program beside the step, in its pod."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from opweave import errors
from opweave.pipes.completed_invocation import PipesClientCompletedInvocation
from opweave.pipes.context_injector import PipesContextInjector, PipesTempFileContextInjector
from opweave.pipes.message_reader import PipesMessageReader, PipesTempFileMessageReader
from opweave.pipes.session import open_pipes_session

if TYPE_CHECKING:
    from opweave.execution.context import OpExecutionContext


class PipesSubprocessClient:
    """A resource that runs commands with pipes.

    Args:
        env: Added to the environment of the step.
        cwd: Folder that commands run in; the step's by default.
        context_injector: By default a temporary file.
        message_reader: By default a temporary file.
        forward_termination: End the command when the step is told to stop: SIGINT, then SIGKILL.
        forward_stdio: Let its output be the step's; otherwise it is dropped.
        termination_timeout_seconds: Between SIGINT and SIGKILL.
    """

    __opweave_resource_class__: ClassVar[bool] = True

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        context_injector: PipesContextInjector | None = None,
        message_reader: PipesMessageReader | None = None,
        forward_termination: bool = True,
        forward_stdio: bool = True,
        termination_timeout_seconds: float = 20,
    ) -> None:
        self.env = dict(env or {})
        self.cwd = cwd
        self.context_injector = context_injector or PipesTempFileContextInjector()
        self.message_reader = message_reader or PipesTempFileMessageReader()
        self.forward_termination = forward_termination
        self.forward_stdio = forward_stdio
        self.termination_timeout_seconds = termination_timeout_seconds

    def run(
        self,
        *,
        context: OpExecutionContext,
        command: str | Sequence[str],
        extras: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> PipesClientCompletedInvocation:
        """Run *command* to its end and return what it has reported.

        Args:
            context: Of the op or asset.
            command: Program and arguments; a text is the program alone.
            extras: JSON that the program finds in its context.
            env: Added to the client's.
            cwd: In place of the client's.

        Raises:
            OpweavePipesExecutionError: It has not ended with exit code 0.
        """
        with open_pipes_session(
            context, self.context_injector, self.message_reader, extras
        ) as session:
            output = None if self.forward_stdio else subprocess.DEVNULL
            process = subprocess.Popen(  # noqa: S603 - the user's own command
                command,
                cwd=cwd or self.cwd,
                env={**os.environ, **self.env, **(env or {}), **session.get_bootstrap_env_vars()},
                stdout=output,
                stderr=output,
            )
            try:
                code = process.wait()
            except BaseException:
                if self.forward_termination:
                    self._end(process)
                raise
            if code != 0:
                program = command if isinstance(command, str) else next(iter(command))
                raise errors.OpweavePipesExecutionError(
                    f"the external process {program} {_ending(code)}: its output and the log of the step tell why"
                )
        return PipesClientCompletedInvocation(session)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=self.termination_timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"failed with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
