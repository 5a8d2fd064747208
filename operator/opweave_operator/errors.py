"""Errors of the operator, a class per decision that a caller can take.

::

    OperatorError
    └── StorageError
        ├── StorageUnavailable    the database or volume does not answer: try again later
        ├── StorageRefused        this value can never be stored: change it
        └── SchemaUnknown         another version of opweave owns the database: change the version or the database
"""

from __future__ import annotations


class OperatorError(Exception):
    """Root of what the operator raises itself."""


class StorageError(OperatorError):
    """The database or the instance's volume failed in a way that trying again does not mend."""


class StorageUnavailable(StorageError):
    """The database or the volume has not answered for as long as an operation may wait."""


class StorageRefused(StorageError):
    """A value cannot be stored as it is; the text names it and its limit."""


class SchemaUnknown(StorageError):
    """The tables of the database were made by a version of opweave that this one does not know."""
