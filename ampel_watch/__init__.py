"""ampel-watch: watches AMPEL channels and transients, and tells people what changed."""

__version__ = "0.1.0"

USER_AGENT = f"ampel-watch/{__version__}"
