"""Rewrite a Dagster project for opweave: the rename itself, file by file.

Belongs here: what is renamed to what, and how it is done without touching anything else in a file. Nothing here writes;
`opweave._cli.migrate` does. No module imports the project's code: it is read as text.
"""
