"""What the tests of watched positions share: configurations with cones, and alerts that appear somewhere."""

from ampel_watch.julian import jd_of
from tests.pipeline.packets import alert
from tests.pipeline.rounds import A

RA, DEC = 150.0, 20.0
FROM_LIST = "  - {name: here, stocks_from: [list.yaml], every: 5m, on: [cone_match, channel_match], notify: [memory]}\n"
CREATE = "/streams/from_query"
NAMES = "/objects/cone_search"


def cone(ra=RA, dec=DEC, radius=10.0, **words):
    extra = "".join(f", {key}: {value}" for key, value in words.items())
    return f"{{ra_deg: {ra}, dec_deg: {dec}, radius_arcsec: {radius}{extra}}}"


def watching(*cones, name="here", on="[cone_match, channel_match]", every="5m", **more):
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    head = f"name: {name}, cones: [{', '.join(cones)}], every: {every}, on: {on}, notify: [memory]"
    return f"  - {{{head}{extra}}}\n"


def appear(bench, name=A, *, ra=RA, dec=DEC, hours_ago=0.1, schema="3.3"):
    """The archive gets an alert; AMPEL takes no notice."""
    jd = jd_of(bench.clock.now()) - hours_ago / 24
    bench.sandbox.archive.add(alert(name, jd, 19.0, ra=ra, dec=dec, schema=schema))


def enter(bench, name, channel):
    """AMPEL takes a stock up, a while after the last look."""
    bench.pass_time(seconds=30)
    bench.sandbox.enter(name, channel)


def matches(bench):
    """(watch, stock) of all that was told to have appeared."""
    return [(watch, name) for watch, kind, name in bench.memory.told if kind == "cone_match"]
