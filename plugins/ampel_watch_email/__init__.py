"""The email notifier of ampel-watch."""
