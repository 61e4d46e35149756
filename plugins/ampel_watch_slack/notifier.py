"""Talks to Slack: settings, sending, and what Slack's answers mean.

The SDK retries nothing here (our own queue does), follows no redirect, and logs nothing: at DEBUG it would write the
address of an incoming webhook, which is a secret.
"""

import asyncio
import json
import logging
import re
import ssl
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import Field, field_validator, model_validator
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from ampel_watch.api import Attempt, DeliveryError, Event, Facts, NotifierContext, Secret, Settings, facts
from ampel_watch_slack.blocks import blocks_of, fallback_of

_TIMEOUT_S = 30
_LONGEST_WAIT_S = 86_400.0
_ERROR_WORD = re.compile(r"[a-z][a-z0-9_]{2,60}")
_NEW_TOKEN = "make a new bot token in the app's settings (OAuth & Permissions) and give it as `token`"  # noqa: S105
_WHAT_TO_DO: Mapping[str, str] = {
    "channel_not_found": "the channel does not exist or the bot cannot see it: check the name, or invite the bot",
    "not_in_channel": "the bot is not in the channel: invite it there with /invite",
    "is_archived": "the channel is archived: choose another",
    "invalid_auth": f"Slack does not accept the token: {_NEW_TOKEN}",
    "not_authed": f"Slack does not accept the token: {_NEW_TOKEN}",
    "token_revoked": f"the token was revoked: {_NEW_TOKEN}",
    "token_expired": f"the token has expired: {_NEW_TOKEN}",
    "account_inactive": f"the token's user or workspace was deactivated: {_NEW_TOKEN}",
    "missing_scope": "the token lacks a permission: add the scope chat:write and install the app again",
    "no_permission": "the token may not post there: ask an administrator of the workspace",
    "restricted_action": "the workspace does not let the bot post there: ask an administrator of the workspace",
    "msg_too_long": "Slack finds the message too long",
    "invalid_blocks": "Slack does not take the message's layout",
    "no_service": "the incoming webhook was removed or disabled: make a new one",
    "no_active_hooks": "the incoming webhook was disabled: make a new one",
    "invalid_token": "the incoming webhook's address is wrong: copy it again from the app's settings",
    "no_team": "the incoming webhook's workspace is gone: make a new one",
    "action_prohibited": "an administrator restricted what the incoming webhook may do",
    "posting_to_general_channel_denied": "the incoming webhook may not post to that channel: choose another",
    "channel_is_archived": "the channel is archived: choose another",
}

_SILENT = logging.getLogger("ampel_watch_slack.sdk")
_SILENT.setLevel(logging.CRITICAL)


class SlackSettings(Settings):
    """A bot's token and a channel, or the address of an incoming webhook."""

    token: Secret | None = Field(None, description="The bot's token, `xoxb-…`, with the scope `chat:write`.")
    channel: str | None = Field(
        None, min_length=1, description="Where the bot posts: `#name`, or better the channel's id."
    )
    webhook_url: Secret | None = Field(
        None, description="The address of an incoming webhook, in place of `token` and `channel`."
    )
    base_url: str = Field(
        "https://slack.com/api/", description="Another server that speaks Slack's Web API.", pattern="^https?://"
    )

    @field_validator("webhook_url")
    @classmethod
    def _web_address(cls, url: Secret | None) -> Secret | None:
        given = url.reveal() if url is not None and url.file is None else ""
        if given and urlsplit(given).scheme not in ("http", "https"):
            raise ValueError("an incoming webhook's address begins with https://")
        return url

    @model_validator(mode="after")
    def _exactly_one_way(self) -> Self:
        as_bot = self.token is not None or self.channel is not None
        if as_bot == (self.webhook_url is not None):
            raise ValueError("give either token and channel (a bot), or webhook_url (an incoming webhook)")
        if as_bot and (self.token is None or self.channel is None):
            raise ValueError(f"a bot needs token and channel; {'token' if self.channel else 'channel'} is missing")
        return self


class SlackNotifier:
    """Posts to one channel, one message at a time, as Slack asks of its clients."""

    def __init__(self, settings: SlackSettings, context: NotifierContext) -> None:
        self._settings = settings
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._ssl = ssl.create_default_context()

    async def send(self, event: Event, attempt: Attempt) -> None:
        """Post the event. A time-out is a passing fault although Slack may have taken the message."""
        told = facts(event, attempt.late_s, self._context.timezone)
        secret = self._secret()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if self._settings.channel is None:
                    await self._post_to_webhook(secret, told)
                else:
                    await self._post_as_bot(secret, self._settings.channel, told)
        except TimeoutError:
            raise DeliveryError(f"Slack did not answer within {_TIMEOUT_S} s") from None
        except SlackApiError as error:
            raise _api_refusal(error) from None
        except (aiohttp.ClientError, OSError) as error:
            # Its text may hold the address, which for an incoming webhook is the secret: only its kind goes on.
            raise DeliveryError(f"Slack cannot be reached: {type(error).__name__}") from None

    async def preview(self, event: Event) -> str:
        """The message as JSON."""
        where = self._settings.channel or "(an incoming webhook)"
        message = _message(facts(event, 0.0, self._context.timezone))
        return f"to {where}\n{json.dumps(message, ensure_ascii=False, indent=2)}"

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _secret(self) -> str:
        """The token or the webhook's address, as it is now."""
        secret = self._settings.token or self._settings.webhook_url
        assert secret is not None
        try:
            return secret.reveal()
        except OSError as error:
            raise DeliveryError(f"the secret's file cannot be read: {error.strerror}: {error.filename}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            no_redirects = aiohttp.TraceConfig()
            no_redirects.on_request_redirect.append(_refuse_redirect)
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, trace_configs=[no_redirects])
        return self._session

    async def _post_as_bot(self, token: str, channel: str, told: Facts) -> None:
        client = AsyncWebClient(
            token,
            base_url=self._settings.base_url,
            session=self._opened(),
            ssl=self._ssl,
            user_agent_prefix=self._context.user_agent,
            logger=_SILENT,
            retry_handlers=[],
        )
        client.proxy = None  # not what the environment says
        try:
            await client.chat_postMessage(channel=channel, parse="none", link_names=False, **_message(told))
        except AttributeError:
            # The SDK takes for granted that every answer is a JSON object.
            raise DeliveryError("Slack's answer is not what its Web API documents: check base_url") from None

    async def _post_to_webhook(self, url: str, told: Facts) -> None:
        client = AsyncWebhookClient(
            url,
            session=self._opened(),
            ssl=self._ssl,
            user_agent_prefix=self._context.user_agent,
            logger=_SILENT,
            retry_handlers=[],
        )
        client.proxy = None  # not what the environment says
        answer = await client.send(**_message(told))
        word = answer.body.strip()
        if not 200 <= answer.status_code < 300 or word in _WHAT_TO_DO:
            passing = answer.status_code in (408, 429) or answer.status_code >= 500
            raise _refusal(word, answer.status_code, answer.headers, permanent=not passing)


def _message(told: Facts) -> dict[str, Any]:
    return {"text": fallback_of(told), "blocks": blocks_of(told), "unfurl_links": False, "unfurl_media": False}


async def _refuse_redirect(*_: object) -> None:
    raise DeliveryError("Slack's address redirects elsewhere; redirects are not followed", permanent=True)


def _api_refusal(error: SlackApiError) -> DeliveryError:
    """What an answer of the Web API without `ok` means; an unknown word may well pass."""
    # The SDK gives its own response, or aiohttp's if the body was no JSON.
    answer: Any = error.response
    status: int = getattr(answer, "status_code", None) or answer.status
    data = getattr(answer, "data", None)
    word = str(data.get("error") or "") if isinstance(data, dict) else ""
    return _refusal(word, status, answer.headers, permanent=word in _WHAT_TO_DO)


def _refusal(word: str, status: int, headers: Mapping[str, str], *, permanent: bool) -> DeliveryError:
    """The error for one of Slack's error words; words that are no such words are left out."""
    word = word if _ERROR_WORD.fullmatch(word) else ""
    said = _WHAT_TO_DO.get(word) or f"Slack answered {status}{f' ({word})' if word else ''}"
    wait = headers.get("Retry-After", "")
    return DeliveryError(
        said,
        permanent=permanent,
        retry_after_s=min(float(wait), _LONGEST_WAIT_S) if wait.isdecimal() and not permanent else None,
        status=word or str(status),
    )
