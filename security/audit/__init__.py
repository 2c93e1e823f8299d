"""The audit trail: who did what, when, from where, with what result, in a chain of hashes that shows tampering."""

from security.audit.trail import Trail, record, using

__all__ = ["Trail", "record", "using"]
