"""For programs that a step of opweave starts: what the step is about, and a way to report back.

Needs nothing but the standard library. A program that was not started by a step warns once, and all calls do nothing.
"""

from opweave_pipes.context import PipesContext as PipesContext
from opweave_pipes.context import open_opweave_pipes as open_opweave_pipes
from opweave_pipes.errors import OpweavePipesError as OpweavePipesError
from opweave_pipes.errors import OpweavePipesWarning as OpweavePipesWarning
from opweave_pipes.loading import PipesContextLoader as PipesContextLoader
from opweave_pipes.loading import PipesDefaultContextLoader as PipesDefaultContextLoader
from opweave_pipes.params import OPWEAVE_PIPES_CONTEXT_ENV_VAR as OPWEAVE_PIPES_CONTEXT_ENV_VAR
from opweave_pipes.params import OPWEAVE_PIPES_MESSAGES_ENV_VAR as OPWEAVE_PIPES_MESSAGES_ENV_VAR
from opweave_pipes.params import PipesEnvVarParamsLoader as PipesEnvVarParamsLoader
from opweave_pipes.params import PipesMappingParamsLoader as PipesMappingParamsLoader
from opweave_pipes.params import PipesParamsLoader as PipesParamsLoader
from opweave_pipes.params import decode_param as decode_param
from opweave_pipes.params import encode_param as encode_param
from opweave_pipes.writing import PipesDefaultMessageWriter as PipesDefaultMessageWriter
from opweave_pipes.writing import PipesFileMessageWriterChannel as PipesFileMessageWriterChannel
from opweave_pipes.writing import PipesMessageWriter as PipesMessageWriter
from opweave_pipes.writing import PipesMessageWriterChannel as PipesMessageWriterChannel
from opweave_pipes.writing import PipesStreamMessageWriterChannel as PipesStreamMessageWriterChannel

__all__ = [
    "OPWEAVE_PIPES_CONTEXT_ENV_VAR",
    "OPWEAVE_PIPES_MESSAGES_ENV_VAR",
    "OpweavePipesError",
    "OpweavePipesWarning",
    "PipesContext",
    "PipesContextLoader",
    "PipesDefaultContextLoader",
    "PipesDefaultMessageWriter",
    "PipesEnvVarParamsLoader",
    "PipesFileMessageWriterChannel",
    "PipesMappingParamsLoader",
    "PipesMessageWriter",
    "PipesMessageWriterChannel",
    "PipesParamsLoader",
    "PipesStreamMessageWriterChannel",
    "decode_param",
    "encode_param",
    "open_opweave_pipes",
]
