"""What we know: rows inside, domain values out.

`open_catalog` is the door. Neither reading nor writing loads SQLAlchemy, Alembic or pydantic (see
`database` and `seed_schema`); catalog files are the business of `seed`.
"""

from registry.catalog.opening import Catalog, open_catalog, set_aside
from registry.catalog.schema import look_at_schema
from registry.catalog.snapshot import Snapshot

__all__ = ["Catalog", "Snapshot", "look_at_schema", "open_catalog", "set_aside"]
