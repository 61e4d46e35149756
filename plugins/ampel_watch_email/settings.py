"""The settings of an `email` receiver."""

import ipaddress
import re
from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ampel_watch.api import Duration, Secret, Settings

_WRITTEN = re.compile(r"""(?:"?(?P<name>[^"<>@]*?)"?\s*<(?P<plain>[^<>\s,;]+)>|(?P<bare>[^<>\s,;"]+))""")
_PORTS = {"none": 25, "starttls": 587, "tls": 465}


def parsed_address(text: str) -> Address:
    """`name@host` or `Name <name@host>` as an address; ValueError if it is none that every server takes."""
    if not text.isprintable():
        raise ValueError("an address holds a line break or another sign that is not printed")
    written = _WRITTEN.fullmatch(text)
    try:
        address = Address(written["name"] or "", addr_spec=written["plain"] or written["bare"]) if written else None
    except (HeaderParseError, ValueError, IndexError):
        address = None
    if address is None or not address.username or not address.domain or not address.addr_spec.isascii():
        raise ValueError("not an address; write for example pi@example.org or Watch <watch@example.org>")
    return address


def _checked(text: str) -> str:
    parsed_address(text)
    return text


MailAddress = Annotated[str, AfterValidator(_checked)]


class SmtpSettings(Settings):
    """The server that takes the mail."""

    host: str = Field("localhost", min_length=1, pattern=r"^[!-~]+$", description="Name or address of the server.")
    port: int | None = Field(
        None, ge=1, le=65535, description="Its port; by default 587 with `starttls`, 465 with `tls`, 25 with `none`."
    )
    tls: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="How the connection is encrypted; certificates are always verified."
    )
    username: str | None = Field(None, min_length=1, description="For servers that want a login.")
    password: Secret | None = Field(None, description="The password of `username`.")
    ca_file: Path | None = Field(
        None, strict=False, description="Certificates (PEM) to trust in place of the system's, for a private authority."
    )
    timeout: Duration = Field(timedelta(seconds=60), gt=timedelta(0), description="How long one mail may take in all.")

    @property
    def port_or_default(self) -> int:
        """The port that is used."""
        return self.port or _PORTS[self.tls]

    @model_validator(mode="after")
    def _login_is_whole_and_private(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give both username and password, or neither")
        if self.password is not None and self.tls == "none" and not _is_this_machine(self.host):
            raise ValueError("a password would cross the network unencrypted: set tls to starttls or tls")
        return self


class EmailSettings(Settings):
    """From whom, to whom, and over which server."""

    smtp: SmtpSettings = Field(default_factory=SmtpSettings, description="The server that takes the mail.")
    from_: MailAddress = Field(alias="from", description="The sender's address.")
    to: tuple[MailAddress, ...] = Field(min_length=1, description="The addresses that get every mail.")
    reply_to: MailAddress | None = Field(None, description="Where answers go, if not to the sender.")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
