"""Running what users declared: the plan of a run, one step of it, or a whole job in this process.

Belongs here: order, inputs, outputs, resources, retries, events. Does not: talking to anybody; events leave through a
function that the caller gives.
"""
