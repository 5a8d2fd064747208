"""What the operator can be asked to do, one module per deed: core and ports, and nothing else.

Belongs here: the order of reads, decisions and writes. Does not: HTTP, kopf, a Kubernetes client, a database, and decisions that
could be pure (those are in `core`).
"""
