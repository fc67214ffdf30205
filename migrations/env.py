"""What Alembic runs: the migrations, on the connection that `registry.catalog.schema` hands over.

There is no alembic.ini and no address here. To draft a new migration, see docs/catalog-format.md.
"""

from alembic import context

from registry.catalog.tables import metadata


def run() -> None:
    """Run on the connection of the caller, inside the caller's transaction."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("migrations run through registry.catalog.schema, which has a connection")
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


run()
