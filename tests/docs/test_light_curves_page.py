"""The worked example of brightening and fading is what the program makes of these points."""

import re

from ampel_watch.lightcurve import Detection
from ampel_watch.variability import DIRECTIONS, Terms, follow
from tests.docs.pages import text_of

PAGE = text_of("docs/explanation/light-curves-and-hosts.md")
ROW = re.compile(r"^\| (\d) \| ([\d.]+) \| ([\d.]+) \| (\S+) \| ([\d.]+) \| (\S+) \|$", re.MULTILINE)


def told(jumps):
    return "".join(f"{jump.delta_mag:.2f}" for jump in jumps) or "–"


def test_the_references_and_jumps_of_the_example_are_those_of_the_program():
    shown = ROW.findall(PAGE)
    assert len(shown) == 6
    references = dict.fromkeys(DIRECTIONS)
    for night, mag, *rest in shown:
        point = Detection(jd=2461360.8 + int(night), band="r", candid=int(night), mag=float(mag), mag_err=0.05, drb=0.9)
        found = []
        for kind in DIRECTIONS:
            references[kind], jumps = follow(references[kind], [point], Terms(kind, 0.5))
            found += [f"{references[kind].mag:.2f}", told(jumps)]
        assert found == rest, f"night {night}"
