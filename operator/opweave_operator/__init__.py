"""The operator of opweave: controller, web and local development in one package with roles.

Belongs here: everything that runs with the cluster's or the database's credentials. User code is never imported,
unpickled or evaluated in this package.
"""
