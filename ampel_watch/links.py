"""The pages of other brokers and archives that an astronomer opens next, as one table of address templates.

`{name}` is the ZTF name, `{ra}` and `{dec}` decimal degrees (J2000). A declination is written without a leading
``+``, which would be read as a space in a query.
"""

from urllib.parse import quote

from ampel_watch.model import EventStock

_BY_NAME = {
    "fritz": "https://fritz.science/source/{name}",
    "alerce": "https://alerce.online/object/{name}",
    "lasair": "https://lasair-ztf.lsst.ac.uk/objects/{name}/",
    "fink": "https://ztf.fink-portal.org/{name}",
    "antares": "https://antares.noirlab.edu/loci/lookup/{name}",
}
_BY_POSITION = {
    "tns": "https://www.wis-tns.org/search?ra={ra}&decl={dec}&radius=5&coords_unit=arcsec",
    "simbad": "https://simbad.u-strasbg.fr/simbad/sim-coo?Coord={ra}%20{dec}&Radius=0.08",
    "legacysurvey": "https://www.legacysurvey.org/viewer?ra={ra}&dec={dec}&layer=ls-dr10&zoom=16&mark={ra},{dec}",
    "aladin": "https://aladin.cds.unistra.fr/AladinLite/?target={ra}%20{dec}&fov=0.05",
}


def links_for(stock: EventStock) -> dict[str, str]:
    """The addresses for one stock: by name, and by position if it is known."""
    if stock.survey != "ztf":
        return {}
    links = {page: template.format(name=quote(stock.name, safe="")) for page, template in _BY_NAME.items()}
    if stock.ra_deg is not None and stock.dec_deg is not None:
        at = {"ra": f"{stock.ra_deg:.6f}", "dec": f"{stock.dec_deg:.6f}"}
        links |= {page: template.format(**at) for page, template in _BY_POSITION.items()}
    return links
