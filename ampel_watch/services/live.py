"""The live service: what AMPEL knows of a stock now, and which channels it is in.

Its program is not public and its interface "experimental", so every path is a setting and every known document shape
is accepted (`documents`). An unknown stock may be a 404, a 500 or `null`.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ampel_watch import ztf
from ampel_watch.errors import RequestRefused, ServerFault, UnexpectedAnswer
from ampel_watch.model import Snapshot, iso
from ampel_watch.services.answers import Answer
from ampel_watch.services.classes import classes_in
from ampel_watch.services.documents import snapshot_of
from ampel_watch.services.http import ServiceHttp
from ampel_watch.services.token import TokenSource

_REMEMBERED_TARGETS = 200_000
_NOT_FOUND = 404


class LiveClient:
    """Asks the live service. The paths are routes below the base address, with their placeholders."""

    def __init__(
        self,
        http: ServiceHttp,
        *,
        stock_path: str,
        stock_id_path: str,
        t2_path: str,
        channels_path: str,
        listing_path: str,
    ) -> None:
        self.http = http
        self._stock_path = stock_path
        self._stock_id_path = stock_id_path
        self._t2_path = t2_path
        self._channels_path = channels_path
        self._listing_path = listing_path
        self._targets: OrderedDict[str, str] = OrderedDict()

    @property
    def token(self) -> TokenSource | None:
        """The token, for its expiry and its changes."""
        return self.http.token

    def identity(self) -> str | None:
        """Whom the token speaks for, as a digest; None if unknown."""
        return self.token.identity() if self.token else None

    async def stock(self, name: str) -> Snapshot | None:
        """The stock of this ZTF name; None if the service says that there is none (404 or `null`).

        A name is answered with a redirect; where that led is asked directly the next time.
        """
        wanted, route, path = self._id_of(name), self._stock_path, {"name": name}
        if (target := self._targets.get(name)) is not None:
            try:
                found = self._snapshot(route, await self._ask_stock(route, path, target), wanted)
            except (RequestRefused, ServerFault, UnexpectedAnswer):
                found = None  # the target may have moved: ask by the name, and believe that
            if found is not None:
                return found
            del self._targets[name]
        answer = await self._ask_stock(route, path)
        found = self._snapshot(route, answer, wanted)
        if found is not None and answer.moved_to is not None:
            self._remember(name, answer.moved_to)
        return found

    async def stock_by_id(self, stock_id: int) -> Snapshot | None:
        """The stock of this id; None if the service says that there is none. Some services know names only."""
        route = self._stock_id_path
        return self._snapshot(route, await self._ask_stock(route, {"id": stock_id}), stock_id)

    async def classes(self, name: str, classifiers: Mapping[str, str]) -> dict[str, str | None]:
        """What T2 units of AMPEL say that a stock is: unit → class, None if it has no result (yet).

        Empty if the service does not answer for this stock (404 or `null`): that says nothing of its classes.

        Parameters
        ----------
        classifiers: unit → where in its result the class is, such as ``label.name``.
        """
        route = self._t2_path
        answer = await self.http.request("GET", route, path={"name": name}, accept=(_NOT_FOUND,))
        if answer.status == _NOT_FOUND or answer.document is None:
            return {}
        documents = answer.document.get("matches") if isinstance(answer.document, Mapping) else None
        if not isinstance(documents, list):
            raise self._unexpected(route, "something other than T2 results")
        return {**dict.fromkeys(classifiers), **classes_in(documents, classifiers)}

    async def channels(self) -> tuple[str, ...]:
        """The names of the channels that the token may see, sorted."""
        document = await self.http.get_json(self._channels_path)
        if isinstance(document, Mapping):
            document = document.get("channels")
        entries: list[Any] = list(document) if isinstance(document, list | Mapping) else [None]
        names = [entry.get("channel", entry.get("name")) if isinstance(entry, Mapping) else entry for entry in entries]
        if not all(isinstance(name, str) for name in names):
            raise self._unexpected(self._channels_path, "something other than a list of channels")
        return tuple(sorted(set(names)))

    async def list_stocks(
        self, channel: str, *, after: datetime | None = None, limit: int, skip: int = 0
    ) -> tuple[Snapshot, ...]:
        """One page of the stocks of a channel, those that changed since `after` if given; `NotOffered` if unknown.

        `after` is sent as a whole second, the one in which it lies: that finds more, never less.
        One document that cannot be understood spoils the page: leaving it out would look like its absence.
        """
        params: dict[str, Any] = {"channel": channel, "after": after and iso(after), "limit": limit, "skip": skip}
        document = await self.http.get_json(self._listing_path, params=params)
        if isinstance(document, Mapping):
            document = document.get("stocks")
        if not isinstance(document, list):
            raise self._unexpected(self._listing_path, "something other than a list of stocks")
        return tuple(self._understood(self._listing_path, entry) for entry in document)

    async def offered_routes(self) -> frozenset[str] | None:
        """The routes that the service's own OpenAPI document names; None if it has none."""
        try:
            document = await self.http.get_json("/openapi.json")
        except (RequestRefused, ServerFault, UnexpectedAnswer):
            return None
        paths = document.get("paths") if isinstance(document, Mapping) else None
        # Beside its prefix, a service shows an empty document.
        return frozenset(map(str, paths)) if isinstance(paths, Mapping) and paths else None

    async def aclose(self) -> None:
        """Release all connections."""
        await self.http.aclose()

    async def _ask_stock(self, route: str, path: Mapping[str, str | int], at: str | None = None) -> Answer:
        return await self.http.request("GET", route, path=path, accept=(_NOT_FOUND,), at=at)

    def _snapshot(self, route: str, answer: Answer, wanted: int) -> Snapshot | None:
        if answer.status == _NOT_FOUND or answer.document is None:
            return None
        snapshot = self._understood(route, answer.document)
        if snapshot.key.id != wanted:
            raise self._unexpected(route, f"another stock ({snapshot.name}) than was asked for")
        return snapshot

    def _understood(self, route: str, document: Any) -> Snapshot:
        try:
            return snapshot_of(document, self.http.clock.now())
        except ValueError as error:
            raise self._unexpected(route, str(error)) from None
        except RecursionError:
            raise self._unexpected(route, "a document nested too deeply") from None

    def _remember(self, name: str, target: str) -> None:
        self._targets[name] = target
        if len(self._targets) > _REMEMBERED_TARGETS:
            self._targets.popitem(last=False)

    def _id_of(self, name: str) -> int:
        try:
            return ztf.id_of(name)
        except ValueError as error:
            raise RequestRefused(self.http.service, str(error)) from None

    def _unexpected(self, route: str, what: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(self.http.service, f"GET {route}: answered with {what}")
