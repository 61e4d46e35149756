"""Queries on how things go: the last look of each watch, the state of each service, and notices."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from ampel_watch.model import StockKey
from ampel_watch.storage.schema import notices, services, watches
from ampel_watch.storage.upsert import upsert


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """What is known of a service.

    Attributes
    ----------
    failing_since: start of the present run of failures; None if the last call was good.
    listing: which way of finding a channel's stocks was chosen last (`rest` or `archive`).
    refreshed_to: the stock that was refreshed last, when watched stocks are read in turn.
    identity: digest of the token's identities, and `epoch`, how often it has changed.
    """

    succeeded_at: datetime | None = None
    failing_since: datetime | None = None
    error: str | None = None
    listing: str | None = None
    refreshed_to: StockKey | None = None
    identity: str | None = None
    epoch: int = 0


def service(connection: Connection, name: str) -> ServiceHealth:
    """The health of a service, as last recorded."""
    row = connection.execute(select(services).where(services.c.name == name)).first()
    if row is None:
        return ServiceHealth()
    return ServiceHealth(
        succeeded_at=row.succeeded_at,
        failing_since=row.failing_since,
        error=row.error,
        listing=row.listing,
        refreshed_to=_key_of(row.refreshed_to),
        identity=row.identity,
        epoch=row.epoch,
    )


def _key_of(text: str | None) -> StockKey | None:
    if text is None:
        return None
    survey, _, stock_id = text.partition("/")
    return StockKey(survey, int(stock_id))


def note_refreshed(connection: Connection, last: StockKey | None) -> None:
    """Remember how far the round of refreshing has come."""
    if last is not None and service(connection, "live").refreshed_to != last:
        upsert(connection, services, {"name": "live"}, {"refreshed_to": f"{last.survey}/{last.id}"})


def note_service_success(connection: Connection, name: str, at: datetime) -> None:
    """A look found the service in order."""
    upsert(connection, services, {"name": name}, {"succeeded_at": at, "failing_since": None, "error": None})


def note_service_recovered(connection: Connection, name: str) -> None:
    """The service answered again, though not to a look, whose gaps are reckoned from `succeeded_at`."""
    if service(connection, name).failing_since is not None:
        upsert(connection, services, {"name": name}, {"failing_since": None, "error": None})


def note_service_failure(connection: Connection, name: str, at: datetime, error: str) -> None:
    """A look was ended by a fault of the service."""
    since = service(connection, name).failing_since or at
    upsert(connection, services, {"name": name}, {"failing_since": since, "error": error})


def note_listing(connection: Connection, way: str | None) -> None:
    """Remember which way of listing the live service offers."""
    upsert(connection, services, {"name": "live"}, {"listing": way})


def note_identity(connection: Connection, identity: str | None, at: datetime) -> int:
    """The epoch of the live token's identities; a new one, with a notice, if they are not those of last time."""
    known = service(connection, "live")
    if identity is None or identity == known.identity:
        return known.epoch
    if known.identity is None:
        upsert(connection, services, {"name": "live"}, {"identity": identity})
        return known.epoch
    epoch = known.epoch + 1
    upsert(connection, services, {"name": "live"}, {"identity": identity, "epoch": epoch})
    note(
        connection,
        at,
        "identity",
        "the live token has other organizations or teams than before: the channels that it shows now are taken over "
        "without events",
    )
    return epoch


def note_watch(
    connection: Connection, name: str, *, looked_at: datetime, error: str | None, next_due_at: datetime | None
) -> None:
    """Record how a look of a watch went."""
    values: dict[str, object] = {"looked_at": looked_at, "error": error, "next_due_at": next_due_at}
    if error is None:
        values["succeeded_at"] = looked_at
    upsert(connection, watches, {"name": name}, values)


def due_dates(connection: Connection) -> dict[str, datetime]:
    """When each watch is due next, as far as it was recorded."""
    rows = connection.execute(select(watches.c.name, watches.c.next_due_at))
    return {row.name: row.next_due_at for row in rows if row.next_due_at is not None}


def note(connection: Connection, at: datetime, what: str, text: str) -> None:
    """Leave a row that says why something did not become an event."""
    connection.execute(insert(notices).values(at=at, what=what, text=text))
