"""The language of config: schemas, validation with all problems at once, JSON Schema, scaffolds.

Belongs here: what a schema is and what it makes of a value. Does not: where a job's schema comes from (`definitions`), or
when config is read (`execution`). Only `model` imports pydantic, and only users import `model`.
"""
