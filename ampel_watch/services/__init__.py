"""The three remote services: one HTTP layer, and one client each for live, archive and catalog.

Everything odd about the services is dealt with here; above this floor there are only `ampel_watch.model`'s nouns,
aware UTC times and `ampel_watch.errors`. `docs/explanation/services.md` tells which oddity made us do what.
"""
