"""The slack notifier of ampel-watch."""
