"""Presets: overlays of the configuration that are shipped, in ``presets/``; those in ``presets/models/`` set only what
a model is asked with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from config.checking import check
from config.dashboard import DashboardConfig
from config.differences import Change, Document, diff, merge_patch
from config.documents import compared, document, shown
from config.marks import N_
from config.secret import SecretText

Kind = Literal["config", "models"]
FOLDER = Path(__file__).with_name("presets")


@dataclass(frozen=True, slots=True)
class Preset:
    """One overlay. ``title`` and ``description`` are marked for translation."""

    kind: Kind
    name: str
    title: str
    description: str

    @property
    def overlay(self) -> Document:
        """What it sets, as a merge patch."""
        return _read(FOLDER / f"{self.name}.json" if self.kind == "config" else FOLDER / "models" / f"{self.name}.json")

    def over(self, config: DashboardConfig) -> DashboardConfig:
        """``config`` as it would be with this preset."""
        return check(merge_patch(document(config, SecretText.reveal), self.overlay))

    def changes(self, config: DashboardConfig) -> list[Change]:
        """What it would change, secrets masked."""
        found = diff(compared(config), compared(self.over(config)))
        return [Change(change.path, shown(change.before), shown(change.after)) for change in found]


PRESETS: tuple[Preset, ...] = (
    Preset("config", "performance", N_("Performance"), N_("Looks twice a second and lets models take the machine.")),
    Preset("config", "balanced", N_("Balanced"), N_("The values that Vigie comes with.")),
    Preset("config", "power-saving", N_("Power saving"), N_("Looks every five seconds and holds models back.")),
    Preset("config", "development", N_("Development"), N_("Logs every scrape and fails early.")),
    Preset("models", "creative", N_("Creative"), N_("Unlikely words come up more often.")),
    Preset("models", "balanced", N_("Balanced"), N_("The values that Vigie comes with.")),
    Preset("models", "precise", N_("Precise"), N_("The likeliest words, with few surprises.")),
)


def preset(kind: str, name: str) -> Preset | None:
    """A preset by kind and name; None when there is none."""
    return next((one for one in PRESETS if (one.kind, one.name) == (kind, name)), None)


@cache
def _read(path: Path) -> Document:
    found: Document = json.loads(path.read_text(encoding="utf-8"))
    return found
