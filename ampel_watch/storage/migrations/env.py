"""Alembic's entry: runs the migrations on the connection that `storage.migrate` hands over."""

from alembic import context

from ampel_watch.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
