"""Where the ports meet the outside world: Kubernetes, local processes, code servers over HTTP.

Belongs here: translation between a port and one platform, its errors included. Does not: decisions about runs.
"""
