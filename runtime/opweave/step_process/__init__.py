"""The process of one step attempt: a small supervisor that reports, and a forked worker that runs the user's code.

Belongs here: reporting to ingest, copying the output, the worker's end in all its forms. Does not: running the op itself
(`opweave.execution.step`), finding the user's definitions (`opweave.loading`). A step pays for every import, so only light
modules of the standard library are used.
"""
