"""The command line's parts, one module per noun; `opweave.cli` puts them together.

Belongs here: talking to a server over GraphQL and showing what it says. Does not: anything that a step or user code
imports, anything of the operator.
"""
