"""The app that callbacks are tested in is the pages' own."""

from tests.pages.conftest import own_site, site

__all__ = ["own_site", "site"]
