"""Model processes: started, watched, bounded, stopped, found again."""

from __future__ import annotations

from serving.processes.backoff import Pace
from serving.processes.sentences import BadDefinition, ProcessError, Unavailable, UnknownProcess
from serving.processes.supervisor import Supervisor

__all__ = ["BadDefinition", "Pace", "ProcessError", "Supervisor", "Unavailable", "UnknownProcess"]
