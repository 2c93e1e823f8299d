"""A text that forms and API take and never give back, and its cipher at rest."""

from __future__ import annotations

import base64
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

MARK = "enc:"
"""What an encrypted text begins with in the file."""
KEPT = "********"
"""Stands for a secret that is set, wherever one is shown; given back, it means: leave it as it is."""
LONGEST = 8192


class SecretText:
    """A secret string. ``str()`` and ``repr()`` do not show it; `reveal` does.

    As JSON it is `KEPT` (empty when it is not set); `config.store` writes it encrypted instead.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself: for whoever uses it, never for a page, a log or an answer."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return KEPT if self._value else ""

    def __repr__(self) -> str:
        return f"SecretText({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema(max_length=LONGEST))
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), text]),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "format": "password", "writeOnly": True, "maxLength": LONGEST}


class Cipher:
    """Encrypts texts at rest with a key that is derived from the installation's own (Fernet, HKDF-SHA256).

    Source: https://github.com/fernet/spec and RFC 5869. The library, 7 MB, is loaded with the first secret.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derived = HKDF(SHA256(), 32, salt=None, info=b"vigie configuration").derive(self._key.encode())
        return Fernet(base64.urlsafe_b64encode(derived))

    def encrypt(self, text: str) -> str:
        """``text`` as it may lie in a file; the empty text stays empty."""
        return MARK + self._fernet.encrypt(text.encode()).decode() if text else ""

    def decrypt(self, kept: str) -> str:
        """What `encrypt` was given; a text that is not encrypted (somebody wrote it by hand) comes back as it is.

        Raises:
            ValueError: it was encrypted with another key.
        """
        if not kept.startswith(MARK):
            return kept
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(kept.removeprefix(MARK)).decode()
        except InvalidToken:
            raise ValueError("was encrypted by another installation: enter it anew") from None
