"""Alembic migrations, expand first and contract one release later; `migrating` runs them.

A revision, once released, is never edited.
"""
