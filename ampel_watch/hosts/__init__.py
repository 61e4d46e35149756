"""What catalogs tell of a stock: its redshift and host, whether it is a star or an active nucleus, its name in the TNS.

`DEFAULT_CATALOGS` is the table of catalogs and of what their columns mean; `host_facts` reads matches by it, and
`compare_matches` finds what is news in them.
"""

from ampel_watch.hosts.compare import compare_matches
from ampel_watch.hosts.defaults import DEFAULT_CATALOGS
from ampel_watch.hosts.facts import FACT_NAMES, hidden_by, host_facts
from ampel_watch.hosts.spec import CatalogSpec, Condition, RedshiftColumn, Sign, TnsColumns, queries_of

__all__ = [
    "DEFAULT_CATALOGS",
    "FACT_NAMES",
    "CatalogSpec",
    "Condition",
    "RedshiftColumn",
    "Sign",
    "TnsColumns",
    "compare_matches",
    "hidden_by",
    "host_facts",
    "queries_of",
]
