"""I/O managers that come with opweave.

Belongs here: storing and loading values. Does not: the port itself (`definitions.io_manager`), or when it is called
(`execution`).
"""
