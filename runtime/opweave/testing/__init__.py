"""Public help for tests of user code.

Belongs here: what users need to test their ops, resources and I/O managers. Does not: what only opweave's own tests need.
"""
