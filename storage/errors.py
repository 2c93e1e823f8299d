"""Errors of the stores, each one sentence for a person."""


class StorageError(Exception):
    """A store cannot do what was asked; the message is one sentence for the screen."""


class StoreUnavailable(StorageError):
    """A store is away for now (Redis or the database down, disk full): try again later."""


class StoreLocked(StorageError):
    """Another Vigie writes to this data folder."""


class TooManySeries(StorageError):
    """The ring has no room for one more series."""
