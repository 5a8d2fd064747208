"""The process that serves one code location: it loads the user's `Definitions` and answers over `opweave.wire.location`.

Belongs here: loading under watch, the HTTP server, the guardian that outlives a crash at import. Does not: planning
(`opweave.execution.plan`), snapshots of definitions, anything that runs an op.
"""
