"""Assets: what users declare of the data that ops write, and how that becomes jobs.

Belongs here: keys, specs, the decorators, checks, selections, the graph of a location's assets, and the jobs made of it.
Does not: running anything (`execution`), or what was stored of an asset (the operator's storage).
"""
