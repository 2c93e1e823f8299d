"""Mail by SMTP. Apprise reads the URL (``mailto://``, ``mailtos://``: it knows many providers); the message and its
sending are ours, so that it carries its key as ``Message-ID`` and the server's own answer is heard."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from alerts.sinks.base import CONNECT_SECONDS, READ_SECONDS, Answer, Message, SinkError, check_host, short

PRIORITY = {"critical": "1", "error": "2"}
MENDABLE = frozenset({421, 450, 451, 452, 454, 530, 534, 535, 538})
"""Statuses that pass: the server is busy, or the password is wrong until somebody mends it."""


class Mail:
    """A mail server and who gets mail from it."""

    def __init__(self, url: str) -> None:
        from apprise.exception import AppriseException
        from apprise.plugins.email.base import NotifyEmail

        way: Any = None
        try:
            parsed = NotifyEmail.parse_url(url.replace("/#", "/%23"))
            way = NotifyEmail(**parsed) if parsed else None
        except (AppriseException, TypeError, ValueError):
            way = None
        if way is None or not way.targets:
            raise SinkError(
                "The URL of the mail channel is not complete: it names a server, a sender and who gets the mail, as in"
                " mailto://user:password@example.org?from=vigie@example.org&to=ops@example.org.", permanent=True,
            )
        self._way = way

    @property
    def host(self) -> str:
        """The server's name."""
        return str(self._way.smtp_host or self._way.host)

    def send(self, message: Message) -> Answer:
        """As `Sink.send`: one mail to all of its readers."""
        check_host(self.host)
        way = self._way
        readers = [*(address for _, address in way.targets), *way.cc, *way.bcc]
        with self._told(), self._connected() as server:
            refused = server.sendmail(way.from_addr[1], readers, self.mail(message).as_bytes(policy=SMTP))
        said = "; ".join(f"{who}: {_words(reason)}" for who, reason in refused.items())
        return Answer(250, f"Not taken for {short(said)}" if said else "")

    def mail(self, message: Message) -> EmailMessage:
        """``message`` as a mail: text and HTML, threaded with the others about its alert."""
        way, made = self._way, EmailMessage()
        domain = way.from_addr[1].rpartition("@")[2] or "vigie.invalid"
        made["Subject"] = short(message.title)
        made["From"] = _address(way.from_addr[0] or "Vigie", way.from_addr[1])
        made["To"] = [_address(name or "", address) for name, address in way.targets]
        for header, found in (("Cc", way.cc), ("Reply-To", way.reply_to)):
            if found:
                made[header] = [_address(way.names.get(one) or "", one) for one in sorted(found)]
        made["Date"] = format_datetime(datetime.now(UTC))
        made["Message-ID"] = f"<{message.key}@{domain}>"
        if message.thread:
            made["References"] = f"<{message.thread}@{domain}>"
        made["Auto-Submitted"] = "auto-generated"
        made["X-Application"] = "Vigie"
        made["X-Idempotency-Key"] = message.key
        if not message.over and message.severity in PRIORITY:
            made["X-Priority"] = PRIORITY[message.severity]
        for name, value in way.headers.items():
            if name.lower() not in {known.lower() for known in made}:
                made[name] = short(value)
        made.set_content(message.text, cte="quoted-printable")  # no line is too long for a mail server then
        if message.html:
            made.add_alternative(message.html, subtype="html", cte="quoted-printable")
        return made

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        way = self._way
        context = ssl.create_default_context()
        if not way.verify_certificate:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        mode = str(getattr(way.secure_mode, "value", way.secure_mode)) if way.secure else "insecure"
        port = int(way.port or {"ssl": 465, "starttls": 587}.get(mode, 25))
        if mode == "ssl":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, port, timeout=CONNECT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, port, timeout=CONNECT_SECONDS)
        with server:
            if server.sock is not None:
                server.sock.settimeout(READ_SECONDS)
            if mode == "starttls":
                server.starttls(context=context)
            if way.user and way.password:
                server.login(way.user, way.password)
            yield server

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what a mail server, or the way to it, says into a SinkError."""
        host = self.host
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            code, _ = next(iter(error.recipients.values()))
            said = "; ".join(f"{who}: {_words(reason)}" for who, reason in error.recipients.items())
            raise _refused(f"{host} takes mail for none of its readers.", code, said) from None
        except smtplib.SMTPAuthenticationError as error:
            said = _words((error.smtp_code, error.smtp_error))
            raise _refused(f"{host} does not take the name and password.", error.smtp_code, said) from None
        except smtplib.SMTPResponseException as error:
            said = _words((error.smtp_code, error.smtp_error))
            raise _refused(f"{host} answered {error.smtp_code}.", error.smtp_code, said) from None
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            raise SinkError(f"{host} has no certificate that can be trusted: {reason}.", permanent=False) from None
        except TimeoutError:
            raise SinkError(f"{host} did not answer in time.", permanent=False) from None
        except (smtplib.SMTPException, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise SinkError(f"{host} cannot be reached: {short(str(reason)).rstrip('.')}.", permanent=False) from None


def _refused(words: str, code: int, said: str) -> SinkError:
    permanent = 500 <= code < 600 and code not in MENDABLE
    return SinkError(words, permanent=permanent, status=code, answer=short(said))


def _words(reason: Any) -> str:
    code, text = reason
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"


def _address(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(str(name), user, domain)
