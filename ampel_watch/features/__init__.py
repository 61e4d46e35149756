"""Features: what an astronomer reads off a light curve first, as plain numbers. Pure.

`features_of` measures, `Features` holds and names what was measured. numpy and erfa are loaded at the first call only.
"""

from ampel_watch.features.measure import features_of
from ampel_watch.features.record import Features

__all__ = ["Features", "features_of"]
