"""The `email` notifier: one mail per event, text and HTML, over SMTP with verified TLS."""

from ampel_watch.api import NotifierKind, hookimpl
from ampel_watch_email.notifier import EmailNotifier
from ampel_watch_email.settings import EmailSettings, SmtpSettings

__all__ = ["EmailNotifier", "EmailSettings", "SmtpSettings", "register_notifiers"]


@hookimpl
def register_notifiers() -> list[NotifierKind]:
    """Add the kind `email`."""
    return [
        NotifierKind(
            name="email",
            settings=EmailSettings,
            build=EmailNotifier,
            summary="sends mail over SMTP, as text and HTML",
            concurrency=2,
        )
    ]
