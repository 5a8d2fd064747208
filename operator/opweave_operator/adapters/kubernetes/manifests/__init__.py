"""The objects that the operator creates, as pure functions that return plain dicts.

Belongs here: what a Job, pod, Deployment looks like. Does not: requests, the time, anything random: the same input gives
the same object, so applying it again changes nothing.
"""
