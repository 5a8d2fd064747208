"""The web role: GraphQL for people and programs, ingest for step processes, artifacts, compute logs, metrics.

Belongs here: HTTP, GraphQL types, limits on what comes from outside. Does not: decisions about runs (`core`), the order of reads
and writes (`usecases`), a database or a Kubernetes client. User code is never evaluated, user text never rendered as HTML.
"""
