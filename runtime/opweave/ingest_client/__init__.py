"""How code in a step pod speaks to the instance: the attempt's endpoint, its token, HTTP, and patience.

Used by the supervisor of a step for reports and by the artifact I/O manager for values. Belongs here: transport and its errors.
Does not: what is sent (`opweave.wire`), when (`opweave.step_process`). A step pays for every import, so only light modules of
the standard library are used.
"""
