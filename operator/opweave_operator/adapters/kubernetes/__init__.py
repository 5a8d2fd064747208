"""Runs as Jobs, steps as pods, code locations as Deployments.

Belongs here: everything that speaks to the API server. Does not: decisions about runs (`core`), kopf (`handlers`).
Requests and watches carry plain JSON; the official client is used for authentication and TLS only, because decoding
into its models costs five times the time and tens of megabytes.
"""
