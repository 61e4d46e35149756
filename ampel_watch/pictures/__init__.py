"""Pictures for messages: a stock's light curve, and the image cutouts of an alert, as PNG.

What it needs to draw (matplotlib, numpy, astropy) is imported when something is drawn, not before.
"""

from ampel_watch.pictures.cutouts import draw_cutouts
from ampel_watch.pictures.light_curve import draw_light_curve

__all__ = ["draw_cutouts", "draw_light_curve"]
