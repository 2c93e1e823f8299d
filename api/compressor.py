"""Compresses standard input to standard output as small as it gets: ``compressor.py br|gzip``.

Run as a script, it imports nothing of the rest: see `api.encoding.compress_apart`.
"""

from __future__ import annotations

import gzip
import signal
import sys

import brotli


def compress_once(body: bytes, encoding: str) -> bytes:
    """``body`` compressed as small as it gets, for files that are compressed once and kept."""
    if encoding == "br":
        return brotli.compress(body, quality=11, mode=brotli.MODE_TEXT)
    return gzip.compress(body, compresslevel=9, mtime=0) if encoding == "gzip" else body


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the server may stop before it has read: end without a trace
    sys.stdout.buffer.write(compress_once(sys.stdin.buffer.read(), sys.argv[1]))
