"""The console notifier of ampel-watch."""
