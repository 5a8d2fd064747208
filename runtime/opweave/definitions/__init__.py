"""What users declare: ops, graphs, jobs, resources, I/O managers, and the `Definitions` that hold them.

Belongs here: declaring, checking and describing. Does not: running anything (`execution`), or what a config value may be
(`config`).
"""
