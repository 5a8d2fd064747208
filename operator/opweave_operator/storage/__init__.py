"""The stores: databases by SQLAlchemy Core, artifacts and logs on the instance's volume.

Belongs here: every statement, the schema and its migrations, and the translation of the drivers' errors. Does not belong
here: what a run's state means (`core`), and anything that knows kopf or HTTP.
"""

from opweave_operator.storage.stores import Stores as Stores
from opweave_operator.storage.stores import open_stores as open_stores

__all__ = ["Stores", "open_stores"]
