"""The three services as the pipeline uses them."""

from dataclasses import dataclass

from ampel_watch.services.archive import ArchiveClient
from ampel_watch.services.catalog import CatalogClient
from ampel_watch.services.live import LiveClient


@dataclass(frozen=True, slots=True)
class Services:
    """Clients of the services; the archive and the catalogs are optional."""

    live: LiveClient
    archive: ArchiveClient | None = None
    catalog: CatalogClient | None = None

    async def close(self) -> None:
        """Close all connections."""
        for client in (self.live, self.archive, self.catalog):
            if client is not None:
                await client.aclose()
