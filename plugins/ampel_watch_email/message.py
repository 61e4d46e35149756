"""An event as a mail. Pure: the same event, receiver and date give the same bytes.

The HTML needs no image and no script, fits a phone, and follows the reader's light or dark scheme; outside text
enters it escaped, and links only if they lead to the web.
"""

import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from ampel_watch.api import Event, Facts
from ampel_watch_email.settings import EmailSettings, parsed_address

_SUBJECT_LENGTH = 200
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 16px; background: #eef1f5; color: #1b2430;
  font: 16px/1.45 -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", Arial, sans-serif; }}
.card {{ max-width: 600px; margin: 0 auto; padding: 20px 20px 16px; background: #ffffff; border-radius: 10px;
  border-top: 4px solid #2f6fb5; overflow-wrap: anywhere; }}
h1 {{ margin: 0 0 14px; font-size: 20px; line-height: 1.3; }}
table {{ border-collapse: collapse; width: 100%; }}
th {{ width: 1%; padding: 4px 14px 4px 0; text-align: left; vertical-align: top;
  font-weight: normal; white-space: nowrap; color: #5b6776; }}
td {{ padding: 4px 0; vertical-align: top; }}
.notes {{ margin: 14px 0 0; padding: 8px 12px; background: #fff4d6; color: #5c4200; border-radius: 6px; }}
.links {{ margin: 16px 0 0; }}
.links a {{ display: inline-block; margin: 0 6px 8px 0; padding: 0 12px; line-height: 2;
  background: #e8f0fa; color: #1f5a9c; border-radius: 16px; text-decoration: none; white-space: nowrap; }}
.foot {{ max-width: 600px; margin: 10px auto 0; font-size: 13px; color: #5b6776; text-align: center; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #12161c; color: #e4e9f0; }}
  .card {{ background: #1d232c; border-top-color: #5d9be0; }}
  th, .foot {{ color: #9aa7b8; }}
  .notes {{ background: #40340f; color: #ffe7a3; }}
  .links a {{ background: #26364a; color: #a9cdf7; }}
}}
</style>
</head>
<body>
<div class="card">
<h1>{title}</h1>
<table role="presentation">
{rows}
</table>
{notes}{links}</div>
<p class="foot">{foot}</p>
</body>
</html>
"""


def mail_of(
    event: Event, told: Facts, text: str, settings: EmailSettings, receiver: str, date: datetime
) -> EmailMessage:
    """The mail of one event to one receiver.

    Its Message-ID comes from the event's id and the receiver alone, so that a repetition after a crash is recognized
    by mail readers. Its date is that of sending: a mail that an outage held up must not be filed under the days
    before, where nobody looks.
    """
    sender = parsed_address(settings.from_)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = _shortened(told.title)
    mail["From"] = sender
    mail["To"] = [parsed_address(address) for address in settings.to]
    if settings.reply_to is not None:
        mail["Reply-To"] = parsed_address(settings.reply_to)
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = message_id(event.id, receiver, sender)
    mail["List-Id"] = f"<{_token(event.watch)}.ampel-watch.{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Ampel-Watch-Event"] = _token(event.id)
    mail.set_content(text, cte="quoted-printable")
    mail.make_alternative(boundary=f"=_{_digest(event.id, receiver, length=32)}")
    mail.add_alternative(html_of(told, event), subtype="html", cte="quoted-printable")
    return mail


def message_id(event_id: str, receiver: str, sender: Address) -> str:
    """What identifies the mail of one event to one receiver, the same at every try."""
    return f"<{_token(event_id)}.{_digest(receiver, length=12)}@{sender.domain}>"


def html_of(told: Facts, event: Event) -> str:
    """The event as a page."""
    rows = "\n".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in told.rows)
    notes = "<br>\n".join(map(escape, told.notes))
    links = " ".join(f'<a href="{escape(address)}">{escape(label)}</a>' for label, address in told.links)
    return _PAGE.format(
        title=escape(told.title),
        rows=rows,
        notes=f'<p class="notes">{notes}</p>\n' if notes else "",
        links=f'<p class="links">{links}</p>\n' if links else "",
        foot=f"ampel-watch · event {escape(_token(event.id))}",
    )


def _shortened(title: str) -> str:
    return title if len(title) <= _SUBJECT_LENGTH else title[: _SUBJECT_LENGTH - 1] + "…"


def _token(text: str) -> str:
    """`text` if it can stand in an identifier as it is, else a digest of it."""
    return text if _TOKEN.fullmatch(text) else _digest(text, length=20)


def _digest(*parts: str, length: int) -> str:
    whole = "\0".join(parts).encode(errors="surrogatepass")
    return hashlib.sha256(whole).hexdigest()[:length]
