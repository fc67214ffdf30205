"""What we know: rows inside, domain values out.

`open_catalog` is the door. Reading never loads SQLAlchemy, Alembic or pydantic (see `database`);
catalog files are the business of `seed`.
"""

from registry.catalog.opening import Catalog, open_catalog, set_aside
from registry.catalog.snapshot import Snapshot

__all__ = ["Catalog", "Snapshot", "open_catalog", "set_aside"]
