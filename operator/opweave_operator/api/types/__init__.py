"""GraphQL types, one module per noun, each made from the domain's values by a class method ``of``.

Belongs here: shapes and names, Dagster's where it has one. Does not: queries and mutations themselves.
"""
