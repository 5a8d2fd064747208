"""The smallest job there is: one op makes a name, another greets it."""

from opweave import Definitions, Field, job, op


@op(config_schema={"name": Field(str, default_value="world", description="Whom to greet.")})
def name(context) -> str:
    return context.op_config["name"]


@op
def greet(context, name: str) -> str:
    greeting = f"Hello, {name}!"
    context.log.info(greeting)
    return greeting


@job
def hello():
    greet(name())


defs = Definitions(jobs=[hello])
