"""What every part of the configuration is made of: closed sections, fields that a form can show, and kinds of text."""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from config.channel_url import check_channel_url
from config.marks import N_
from config.secret import SecretText

_SIZE = re.compile(r"[1-9]\d{0,5}(kb|mb|gb)")
_BYTES = {"kb": 2**10, "mb": 2**20, "gb": 2**30}
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _size(value: str) -> str:
    if not _SIZE.fullmatch(value.lower()):
        raise ValueError(N_("must be a number and kb, mb or gb, such as 10mb"))
    return value.lower()


def _absolute(value: str) -> str:
    if value and (not value.startswith("/") or "\0" in value or ".." in value.split("/")):
        raise ValueError(N_("must be an absolute path, such as /srv/models"))
    return value


def _extension(value: str) -> str:
    if not re.fullmatch(r"\.[a-z0-9]{1,16}", value):
        raise ValueError(N_("must look like .gguf"))
    return value


def _channel(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(N_("is a name of 1 to 32 small letters, digits, - or _, such as email"))
    return value


def _clock(value: str) -> str:
    if value and not _CLOCK.fullmatch(value):
        raise ValueError(N_("must be a time of day, such as 08:30, or empty"))
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError(N_("is not a time zone; it must look like Europe/Paris"))
    return value


def web_parts(value: str) -> SplitResult | None:
    """The parts of an address of the web without query and fragment; None when it is none."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    plain = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
    return parts if plain else None


def _public(value: str) -> str:
    if value and web_parts(value) is None:
        raise ValueError(N_("must look like https://vigie.example.org or https://example.org/vigie, or be empty"))
    return value.rstrip("/")


def _way_out(value: SecretText) -> SecretText:
    check_channel_url(value.reveal())
    return value


Size = Annotated[str, AfterValidator(_size)]
AbsolutePath = Annotated[str, Field(max_length=4096), AfterValidator(_absolute)]
Extension = Annotated[str, AfterValidator(_extension)]
ChannelName = Annotated[str, AfterValidator(_channel)]
Clock = Annotated[str, AfterValidator(_clock)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
PublicUrl = Annotated[str, Field(max_length=1000), AfterValidator(_public)]
ChannelUrl = Annotated[SecretText, AfterValidator(_way_out)]


def bytes_of(size: str) -> int:
    """Bytes of a `Size`: ``10mb`` -> 10485760."""
    return int(size[:-2]) * _BYTES[size[-2:]]


class Section(BaseModel):
    """A closed part of the configuration: an unknown key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False, validate_by_alias=True,
    )


def field(default: Any, title: str, description: str = "", unit: str = "", **more: Any) -> Any:
    extra: JsonDict | None = {"unit": unit} if unit else None
    return Field(default, title=title, description=description or None, json_schema_extra=extra, **more)
