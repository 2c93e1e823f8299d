"""Who may do what: people, sign-in sessions, tokens, the guard before every route, and the headers after it."""

from security.setup import init_app

__all__ = ["init_app"]
