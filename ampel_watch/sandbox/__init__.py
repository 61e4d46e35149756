"""The embedded sky: AMPEL's live, archive and catalog services as real HTTP servers on loopback.

What `demo` shows and what the tests of everything else run against.
"""

from ampel_watch.sandbox.ampel import CHANNELS, Channel, Entry
from ampel_watch.sandbox.server import Sandbox
from ampel_watch.sandbox.serving import Fault, Tally
from ampel_watch.sandbox.sky import NightSky, PacketSky, SkySettings, open_packets

__all__ = [
    "CHANNELS",
    "Channel",
    "Entry",
    "Fault",
    "NightSky",
    "PacketSky",
    "Sandbox",
    "SkySettings",
    "Tally",
    "open_packets",
]
