"""ZTF alerts as the archive writes them. Pure."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from ampel_watch.model import JSON, Alert, Cutouts
from ampel_watch.services.times import number

_MAX_CANDID = 2**63 - 1


class BadAlert(ValueError):
    """Not what the archive documents; the message completes "answered with …"."""


def alert_of(document: Any) -> Alert:
    """The alert in an archive document; BadAlert if it is none."""
    if not isinstance(document, Mapping):
        raise BadAlert("something other than an alert")
    candidate = document.get("candidate")
    history = document.get("prv_candidates") or []
    if not (isinstance(candidate, Mapping) and isinstance(history, list)):
        raise BadAlert("an alert without its candidate")
    return Alert(
        candid=_candid(document),
        name=_name(document),
        jd=_jd(candidate),
        candidate=candidate,
        history=tuple(_point(point) for point in history),
    )


def alerts_of(documents: Any) -> tuple[Alert, ...]:
    """The alerts in a list, ordered by (jd, candid): the archive's own order is that of its database."""
    if not isinstance(documents, list):
        raise BadAlert("something other than a list of alerts")
    return in_order(map(alert_of, documents))


def in_order(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Alerts by (jd, candid). Several may share a jd: reprocessed images."""
    return tuple(sorted(alerts, key=lambda alert: (alert.jd, alert.candid)))


def cutouts_of(document: Any) -> Cutouts:
    """The three cutouts of an alert, each a gzipped FITS file or None; BadAlert if it is not that."""
    if not isinstance(document, Mapping):
        raise BadAlert("something other than cutouts")
    return Cutouts(
        candid=_candid(document),
        name=_name(document),
        science=_cutout(document.get("cutoutScience")),
        template=_cutout(document.get("cutoutTemplate")),
        difference=_cutout(document.get("cutoutDifference")),
    )


def _candid(document: JSON) -> int:
    candid = document.get("candid")
    if not isinstance(candid, int) or isinstance(candid, bool) or not 0 <= candid <= _MAX_CANDID:
        raise BadAlert("an alert without candid")
    return candid


def _name(document: JSON) -> str:
    name = document.get("objectId")
    if not isinstance(name, str):
        raise BadAlert("an alert without objectId")
    return name


def _jd(candidate: JSON) -> float:
    try:
        return number(candidate.get("jd"))
    except ValueError:
        raise BadAlert("an alert without jd") from None


def _point(point: Any) -> JSON:
    if not isinstance(point, Mapping):
        raise BadAlert("a history of something other than points")
    return point


def _cutout(cutout: Any) -> bytes | None:
    data = cutout.get("stampData") if isinstance(cutout, Mapping) else cutout
    if data is None:
        return None
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise BadAlert("a cutout that is not base64") from None
