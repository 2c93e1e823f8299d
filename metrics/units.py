"""Base units: what is stored and told to programs. People read them as `components.formats` writes them."""

from __future__ import annotations

UNITS: dict[str, str] = {
    "": "a plain number",
    "bytes": "bytes",
    "bytes_per_second": "bytes per second",
    "per_second": "events per second",
    "seconds": "seconds",
    "ratio": "0 to 1",
    "celsius": "degrees Celsius",
    "watts": "watts",
    "hertz": "cycles per second",
    "rpm": "revolutions per minute",
    "info": "always 1; the labels carry the fact",
}
