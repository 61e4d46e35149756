"""Sample events: that they are what the program makes."""

import json
from dataclasses import fields
from typing import Any

import pytest

from ampel_watch.diff import KINDS
from ampel_watch.features import Features
from ampel_watch.hosts import DEFAULT_CATALOGS, FACT_NAMES, compare_matches
from ampel_watch.lightcurve import Detection, LightCurve
from ampel_watch.model import Event, Match
from ampel_watch.testing import hostile_events, sample_event, sample_events
from ampel_watch.variability import Terms, detection_documents, follow, jump_documents

EVENTS = [*sample_events(), *hostile_events()]
POINTS = (
    Detection(2461364.3498, "r", 1, 18.42, 0.05, drb=0.98),
    Detection(2461367.3502, "r", 2, 17.8, 0.03, drb=0.98, alert=True),
)


def test_there_is_a_sample_of_every_kind() -> None:
    assert [event.kind for event in sample_events()] == list(KINDS)
    assert len({event.id for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.id)
def test_a_sample_is_strict_json_and_reads_back(event: Event) -> None:
    assert Event.from_json(json.loads(event.body())).body() == event.body()


@pytest.mark.parametrize("event", sample_events(), ids=lambda event: event.kind)
def test_a_sample_has_features_of_the_program(event: Event) -> None:
    assert set(event.features) <= {field.name for field in fields(Features)} | set(FACT_NAMES)
    assert set(event.catalogs) <= {spec.name for spec in DEFAULT_CATALOGS}


def documents(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the program writes as before and after."""
    if kind == "detection":
        return detection_documents(LightCurve(POINTS[:1]), POINTS[1:])
    if kind in ("brightening", "fading"):
        _, (jump,) = follow(None, POINTS, Terms("brightening", 0.5))
        return jump_documents(jump)
    tns = Match("TNS", 0.1, {"objname": "2021abc", "name_prefix": "SN", "object_type": {"name": "SN Ia"}})
    found = {"NEDz": Match("NEDz", 3.2, {"z": 0.031}), "TNS": tns}
    differences = compare_matches(dict.fromkeys(found), found, DEFAULT_CATALOGS)
    return next((dict(one.before), dict(one.after)) for one in differences if one.kind == kind)


@pytest.mark.parametrize("kind", ["detection", "brightening", "fading", "crossmatch", "classification"])
def test_a_sample_says_what_the_program_says(kind: str) -> None:
    event = sample_event(kind)
    before, after = documents(kind)
    assert set(event.before) == set(before)
    assert set(event.after) == set(after)
