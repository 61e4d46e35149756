"""The `slack` notifier: one Block Kit message per event, through a bot's token or an incoming webhook."""

from ampel_watch.api import NotifierKind, hookimpl
from ampel_watch_slack.notifier import SlackNotifier, SlackSettings

__all__ = ["SlackNotifier", "SlackSettings", "register_notifiers"]


@hookimpl
def register_notifiers() -> list[NotifierKind]:
    """Add the kind `slack`."""
    return [
        NotifierKind(
            name="slack",
            settings=SlackSettings,
            build=SlackNotifier,
            summary="posts to a Slack channel, as a bot or through an incoming webhook",
            concurrency=1,
        )
    ]
