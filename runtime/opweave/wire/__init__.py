"""Versioned messages between user images and the operator.

Images of different ages meet here, so every message tolerates unknown fields, and a field is only ever added with a
default. Belongs here: the shape of messages and their decoding. Does not: transport, validation of user config, anything
that imports the rest of opweave.
"""

WIRE_VERSION = 1
"""Raised when a message changes so that an older reader would act wrongly on it."""
