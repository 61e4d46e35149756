"""Draw the pictures that the pages show: a supernova of the embedded sky, two weeks after it was found.

Run it when pictures look different: .venv/bin/python docs/pictures/generate_pictures.py
"""

from collections import defaultdict
from datetime import date
from pathlib import Path

from ampel_watch.lightcurve import light_curve_of
from ampel_watch.model import Alert, Cutouts
from ampel_watch.pictures import draw_cutouts, draw_light_curve
from ampel_watch.sandbox import NightSky
from ampel_watch.sandbox.packets import Packet
from ampel_watch.sandbox.physics import distance_modulus_mag

HERE = Path(__file__).parent
DETECTIONS = 12
LIMITS = 6


def main() -> None:
    sky = NightSky(7, date(2026, 8, 1), 40)
    alerts: dict[str, list[Packet]] = defaultdict(list)
    for packet in sky.packets(0, 1e9):
        alerts[packet.name].append(packet)
    for body in sky.bodies:
        packets = alerts[body.name][:DETECTIONS]
        curve = light_curve_of(Alert(p.candid, p.name, p.jd, p.candidate, p.history) for p in packets)
        before = [limit for limit in curve.limits if packets and limit.jd < packets[0].jd]
        if body.kind == "SN Ia" and len(packets) == DETECTIONS and len(before) >= LIMITS:
            break
    z, newest = body.neighbour.z, packets[-1]
    picture = draw_light_curve(curve, name=body.name, mark_jd=newest.jd, dist_mod_mag=distance_modulus_mag(z), z=z)
    (HERE / "light-curve.png").write_bytes(picture)
    stamps = {name.removeprefix("cutout").lower(): data for name, (_, data) in newest.cutouts().items()}
    (HERE / "cutouts.png").write_bytes(draw_cutouts(Cutouts(newest.candid, body.name, **stamps)))


if __name__ == "__main__":
    main()
