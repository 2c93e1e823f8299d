"""Cuts what comes of a stream into lines: in time that grows with its bytes alone, and in bounded memory."""

from __future__ import annotations

from serving.proxy.dialect import Refusal

LONGEST_LINE = 4 << 20
"""Bytes of a line, or of an event, that are waited for."""


def too_long() -> Refusal:
    """What ends an answer that must be understood, and has a line without an end."""
    return Refusal(502, "upstream", f"The server's answer has a line of more than {LONGEST_LINE >> 20} MiB.")


class Lines:
    """The lines of one stream, without their ends."""

    __slots__ = ("_dropping", "_rest")

    def __init__(self) -> None:
        self._rest, self._dropping = bytearray(), False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are whole now; one that is too long is left out."""
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines:
            if self._dropping:
                del lines[0]
            elif self._rest:
                self._rest += lines[0]
                lines[0] = bytes(self._rest)
            self._rest.clear()
            self._dropping = False
        if not self._dropping:
            self._rest += rest
        if len(self._rest) > LONGEST_LINE:
            self._rest.clear()
            self._dropping = True
        return lines

    def feed_all(self, chunk: bytes) -> list[bytes]:
        """The lines that are whole now.

        Raises:
            Refusal: 502, one is too long.
        """
        lines = self.feed(chunk)
        if self._dropping:
            raise too_long()
        return lines

    def rest(self) -> bytes:
        """A last line without its end; to be called once nothing more comes."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest
