"""The webhook notifier of ampel-watch."""
