"""The domain: runs, steps, attempts and what should happen to them next.

Belongs here: frozen values and pure functions. Does not: I/O, a clock, a client, a database, logging.
"""
