"""A job that cannot run without config."""

from opweave import Definitions, Field, job, op


@op(config_schema={"count": Field(int), "since": Field(str)})
def load(context) -> int:
    return context.op_config["count"]


@op(config_schema={"unit": Field(str, default_value="g")})
def weigh(context, count: int) -> str:
    return f"{count} {context.op_config['unit']}"


@job
def strict():
    weigh(load())


defs = Definitions(jobs=[strict])
