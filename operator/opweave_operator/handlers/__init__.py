"""The only place that knows kopf: what happens when one of the five kinds changes.

Every kind has one level-based function ``reconcile(namespace, name)``; kopf's events only say when to call it
(`reconciler`). Belongs here: reading a custom resource, calling use-cases and adapters, writing its status. Does not: pods
and Jobs of runs, which the executor watches.
"""
