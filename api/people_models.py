"""What the routes of people, tokens, sign-ins and the second factor take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.models import Closed, Parameters

Role = Literal["viewer", "operator", "admin"]
Source = Literal["local", "oidc", "header"]
ROW = Annotated[int, Field(ge=1, le=2**31 - 1)]
MOST_PER_PAGE = 200


class PageQuery(Parameters):
    search: str = Field("", max_length=64, description="Part of a name")
    page: int = Field(1, ge=1, le=1_000_000)
    size: int = Field(50, ge=1, le=MOST_PER_PAGE, description="Rows of a page")


class UserPath(Parameters):
    user: ROW


class NewUser(Closed):
    name: str = Field(min_length=1, max_length=64)
    role: Role = "viewer"
    source: Source = Field("local", description="How they sign in: local by a password of Vigie's")


class UserChange(Closed):
    """What is to change; the rest stays."""

    role: Role | None = None
    disabled: bool | None = None
    source: Source | None = Field(None, description="Ends their sign-ins; local: the answer has a one-time password")


class UserAnswer(BaseModel):
    """A person. Times are ISO 8601, null for never."""

    id: int
    name: str
    role: Role
    source: Source
    disabled: bool
    must_change: bool = Field(description="They choose a new password at the next sign-in")
    second_factor: bool
    locked: int = Field(description="Seconds until a password counts again; 0 when it does now")
    sessions: int
    created: str
    last_login: str | None


class UsersAnswer(BaseModel):
    data: list[UserAnswer]
    total: int


class UserMade(BaseModel):
    """A person, and the one-time password where one was made: told once, good for choosing another only."""

    user: UserAnswer
    password: str | None


class RolesAnswer(BaseModel):
    """Roles and the permissions they name."""

    data: dict[str, list[str]]


class Ended(BaseModel):
    ended: int


class TokensQuery(Parameters):
    all: bool = Field(False, description="Everybody's; needs tokens:manage")


class TokenPath(Parameters):
    token: ROW


class NewToken(Closed):
    name: str = Field(min_length=1, max_length=64)
    permissions: list[str] = Field(min_length=1, max_length=64, description="Out of one's own")
    days: float | None = Field(90, gt=0, le=36500, allow_inf_nan=False, description="Until it expires; null for never")


class TokenAnswer(BaseModel):
    id: int
    name: str
    owner: str | None = Field(description="null: nobody's, made in the shell")
    permissions: list[str]
    worth: list[str] = Field(description="What it may now: no more than its owner")
    state: Literal["active", "asleep", "expired", "revoked"]
    created: str
    created_by: str
    expires: str | None
    last_used: str | None


class TokensAnswer(BaseModel):
    data: list[TokenAnswer]


class TokenMade(BaseModel):
    """A token. ``secret`` is told once."""

    token: TokenAnswer
    secret: str


class SessionsQuery(PageQuery):
    all: bool = Field(False, description="Everybody's; needs users:manage")
    user: ROW | None = Field(None, description="With all: of one person")


class SessionPath(Parameters):
    session: ROW


class SessionAnswer(BaseModel):
    id: int
    user: str
    kind: Literal["browser", "api"]
    method: Literal["password", "oidc", "header"]
    here: bool = Field(description="The one that asks")
    address: str
    user_agent: str
    created: str
    last_seen: str
    expires: str


class SessionsAnswer(BaseModel):
    data: list[SessionAnswer]
    total: int


class PasswordGiven(Closed):
    password: str = Field(min_length=1, max_length=1024, description="One's own, given anew")


class CodeGiven(Closed):
    code: str = Field(min_length=1, max_length=64)


class BothGiven(Closed):
    password: str = Field(min_length=1, max_length=1024)
    code: str = Field(min_length=1, max_length=64, description="Of the second factor, or a recovery code")


class FactorState(BaseModel):
    on: bool
    recovery_codes: int = Field(description="How many are left")


class FactorSetup(BaseModel):
    """A key that is worth nothing until it is confirmed."""

    key: str
    uri: str
    svg: str = Field(description="The address as a QR code")


class Codes(BaseModel):
    """Recovery codes, told once; each is good once."""

    recovery_codes: list[str]
