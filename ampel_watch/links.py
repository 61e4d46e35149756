"""The pages of other brokers and archives that an astronomer opens next, as one table of address templates.

`{name}` is the ZTF name, `{ra}` and `{dec}` decimal degrees (J2000). A declination is written without a leading
``+``, which would be read as a space in a query.
"""

import re
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


_TNS_NAME = re.compile(r"[A-Z]{2,4} ([0-9]{4}[A-Za-z]{1,7})")


def links_for(stock: EventStock, tns_name: object = None) -> dict[str, str]:
    """The addresses for one stock: by name, and by position if it is known.

    Parameters
    ----------
    tns_name: its name in the Transient Name Server, such as ``SN 2021abc``, whose page is then named instead of a
        search there; what is no such name counts as none.
    """
    if stock.survey != "ztf":
        return {}
    links = {page: template.format(name=quote(stock.name, safe="")) for page, template in _BY_NAME.items()}
    if stock.ra_deg is not None and stock.dec_deg is not None:
        at = {"ra": f"{stock.ra_deg:.6f}", "dec": f"{stock.dec_deg:.6f}"}
        links |= {page: template.format(**at) for page, template in _BY_POSITION.items()}
    if isinstance(tns_name, str) and (named := _TNS_NAME.fullmatch(tns_name)):
        links["tns"] = f"https://www.wis-tns.org/object/{named[1]}"
    return links
