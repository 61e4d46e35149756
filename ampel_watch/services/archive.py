"""The ZTF alert archive: alerts, merged photometry and cutouts of one object, and streams for many (`streams`)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager

from ampel_watch.errors import CredentialsRefused, ServerFault, UnexpectedAnswer
from ampel_watch.model import Alert, Cutouts
from ampel_watch.services.alerts import BadAlert, alert_of, alerts_of, cutouts_of
from ampel_watch.services.http import ServiceHttp
from ampel_watch.services.streams import Chunk, Stream, StreamPatience, StreamQuery

_ALERTS = "/object/{name}/alerts"
_PHOTOPOINTS = "/object/{name}/photopoints"
_ALERT = "/alert/{candid}"
_CUTOUTS = "/alert/{candid}/cutouts"
_OBJECTS_IN_CONE = "/objects/cone_search"
_NOT_FOUND = 404
_ANY_NAME = "ZTF18aaaaaaa"


class ArchiveClient:
    """Asks the archive.

    Parameters
    ----------
    programid: 1 public, 2 partnership, 3 Caltech; None (the default) for whatever the token may see.
    """

    def __init__(
        self, http: ServiceHttp, *, programid: int | None = None, stream_patience: StreamPatience | None = None
    ) -> None:
        self.http = http
        self._programid = programid
        self._stream_patience = stream_patience or StreamPatience()

    async def alerts(
        self,
        name: str,
        *,
        jd_start: float | None = None,
        jd_end: float | None = None,
        with_history: bool = False,
        limit: int | None = None,
    ) -> tuple[Alert, ...]:
        """The alerts of an object with `jd_start` ≤ jd < `jd_end`, by (jd, candid); none for an unknown object.

        `limit` takes any of them, not the newest.
        """
        params = {"jd_start": jd_start, "jd_end": jd_end, "limit": limit, "programid": self._programid}
        document = await self.http.get_json(
            _ALERTS, path={"name": name}, params={**params, "with_history": with_history or None}
        )
        with self._reading(_ALERTS):
            return _all_of(name, alerts_of(document))

    async def photopoints(self, name: str, *, jd_start: float | None = None) -> Alert | None:
        """All detections and upper limits of an object, one per jd: the newest as `candidate`; None if there are none.

        `jd_start` selects alerts with `jd_start` ≤ jd; each brings its history, so points come from up to 30 days
        before. For an object without alerts in the range the archive fails (500); its list of alerts tells.
        """
        params = {"jd_start": jd_start, "programid": self._programid}
        try:
            document = await self.http.get_json(_PHOTOPOINTS, path={"name": name}, params=params)
        except ServerFault:
            if await self.alerts(name, jd_start=jd_start, limit=1):
                raise
            return None
        if document is None:
            return None
        with self._reading(_PHOTOPOINTS):
            return _all_of(name, (alert_of(document),))[0]

    async def alert(self, candid: int) -> Alert | None:
        """One alert with its history; None if the archive does not have it. Needs no token."""
        answer = await self.http.request("GET", _ALERT, path={"candid": candid}, authorized=False, accept=(_NOT_FOUND,))
        if answer.status == _NOT_FOUND or answer.document is None:
            return None
        with self._reading(_ALERT):
            alert = alert_of(answer.document)
            _check_candid(candid, alert.candid)
            return alert

    async def cutouts(self, candid: int) -> Cutouts | None:
        """The image cutouts of an alert; None if the archive keeps none (they expire after about three months)."""
        answer = await self.http.request(
            "GET", _CUTOUTS, path={"candid": candid}, authorized=False, accept=(_NOT_FOUND,)
        )
        if answer.status == _NOT_FOUND or answer.document is None:
            return None
        with self._reading(_CUTOUTS):
            cutouts = cutouts_of(answer.document)
            _check_candid(candid, cutouts.candid)
            return cutouts

    async def objects_in_cone(
        self, ra_deg: float, dec_deg: float, radius_deg: float, jd_start: float, jd_end: float
    ) -> tuple[str, ...]:
        """The names of the objects with alerts in a cone and a time range, sorted."""
        params = {"ra": ra_deg, "dec": dec_deg, "radius": radius_deg, "jd_start": jd_start, "jd_end": jd_end}
        names = await self.http.get_json(_OBJECTS_IN_CONE, params={**params, "programid": self._programid})
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._unexpected(_OBJECTS_IN_CONE, "something other than a list of names")
        return tuple(sorted(set(names)))

    def stream(self, query: StreamQuery, *, history_of_last: int = 0) -> AsyncIterator[Chunk]:
        """The alerts that a query finds, in chunks that go up in jd, each alert once.

        Store a chunk, then `await chunk.acknowledge()`. After a chunk call that failed the stream goes on, and in the
        end raises `StreamFailed` with what may be missing (`lost`): until then its end is no proof of completeness.

        A chunk is asked for with the history of its alerts if the archive has said that at most `history_of_last`
        alerts remain: about 34 kB each in place of 2.6 kB, and an answer is read up to 64 MB.
        """
        return self._stream(query, history_of_last)

    async def token_looks_revoked(self) -> bool:
        """Whether the archive fails on everything that needs the token and on nothing else.

        That is how it treats a well-formed token which it does not know (any more): 500, not 401.
        """
        try:
            await self.alerts(_ANY_NAME, limit=0)
        except ServerFault:
            try:
                await self.http.request("GET", _ALERT, path={"candid": 1}, authorized=False, accept=(_NOT_FOUND,))
            except ServerFault:
                return False
            return True
        return False

    async def aclose(self) -> None:
        """Release all connections."""
        await self.http.aclose()

    async def _stream(self, query: StreamQuery, history_of_last: int) -> AsyncIterator[Chunk]:
        if query.names == ():
            return
        try:
            stream = await Stream.create(
                self.http, query, self._programid, self._stream_patience, history_of_last=history_of_last
            )
        except ServerFault:
            if self.http.token and await self.token_looks_revoked():
                raise CredentialsRefused(
                    self.http.service,
                    f"{self.http.token.where} seems to be revoked: the archive fails on whatever needs it and on "
                    "nothing else; make a new one on the AMPEL dashboard",
                ) from None
            raise
        async with aclosing(stream.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk

    @contextmanager
    def _reading(self, route: str) -> Iterator[None]:
        try:
            yield
        except BadAlert as error:
            raise self._unexpected(route, str(error)) from None

    def _unexpected(self, route: str, what: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(self.http.service, f"GET {route}: answered with {what}")


def _all_of(name: str, alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    for alert in alerts:
        if alert.name != name:
            raise BadAlert("another object than was asked for")
    return alerts


def _check_candid(wanted: int, found: int) -> None:
    if found != wanted:
        raise BadAlert("another alert than was asked for")
