"""The laptop's side of the ports: step attempts and code servers as processes, declarations from files.

Belongs here: everything that is true only where opweave runs without a cluster. Does not: decisions about runs, which
the engine takes for both sides alike.
"""
