"""Parts of a parent that watches a forked child: its output, its signals, its process group, its standard streams.

Used by the supervisor of a step and by the guardian of a code server. Does not belong here: what parent and child do.
"""
