#!/usr/bin/env python3
"""Stands for engines that behave badly. Needs the standard library only.

``child.py HOW --port PORT``; HOW is one of the functions below.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PARTLY = """\
0.00.003.327 I srv    load_model: loading model '/srv/m.gguf'
0.00.006.489 I print_info: file size   = 4.00 GiB (4.83 BPW)
0.15.878.558 I load_tensors: offloading 19 repeating layers to GPU
0.15.878.559 I load_tensors: offloaded 20/33 layers to GPU
0.15.878.568 I load_tensors:   CPU_Mapped model buffer size =  2286.14 MiB
0.15.878.572 I load_tensors:        CUDA0 model buffer size =  2393.11 MiB
0.27.252.249 I llama_context:  CUDA_Host  output buffer size =     0.95 MiB
0.27.253.065 I llama_kv_cache:        CPU KV buffer size =   384.00 MiB
0.27.302.186 I llama_kv_cache:      CUDA0 KV buffer size =   640.00 MiB
"""
"""What llama.cpp writes of a model that does not fit on the GPU."""
NEVER = threading.Event()
"""Is never set: who waits for it answers no more."""


class Handler(BaseHTTPRequestHandler):
    """Answers /health with `status`; POST /die?CODE ends the process so, /eat?MIB takes memory, /spin takes a core,
    /hang makes it answer no more."""

    status = 200
    hang = threading.Event()

    def do_GET(self) -> None:
        if self.hang.is_set():
            NEVER.wait()
        self.send_response(Handler.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        what, _, value = self.path.partition("?")
        if what == "/die":
            sys.stderr.write("CUDA error: out of memory\n")
            sys.stderr.flush()
            os._exit(int(value))
        if what == "/status":
            Handler.status = int(value)
        if what == "/eat":
            self.server.eaten = bytearray(os.urandom(2**20)) * int(value)
        if what == "/spin":
            subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
        if what == "/hang":
            self.hang.set()
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


def serve(port: int) -> None:
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def good(port: int) -> None:
    serve(port)


def partly(port: int) -> None:
    """Has put a part of its model on a GPU, and writes a lot afterwards."""
    sys.stdout.write(PARTLY + "srv  update_slots: all slots are idle\n" * 3000)
    sys.stdout.flush()
    serve(port)


def slow(port: int) -> None:
    """Loads until it is told otherwise, by POST /status?200."""
    Handler.status = 503
    serve(port)


def silent(port: int) -> None:
    """Is healthy, and never answers anything else."""
    Handler.do_POST = lambda _: NEVER.wait()
    serve(port)


def lost(port: int) -> None:
    """Has no such path."""
    Handler.status = 404
    serve(port)


def never(port: int) -> None:
    """Never listens."""
    signal.pause()


def broken(port: int) -> None:
    sys.stdout.write("loading the model\n\x1b[31merror: \x00bad magic\x1b[0m\n")
    sys.exit(3)


def done(port: int) -> None:
    sys.exit(0)


def stubborn(port: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(port)


def family(port: int) -> None:
    """Has a child in its group, and one in a session of its own; both ignore SIGTERM."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    pids = []
    for apart in (False, True):
        child = subprocess.Popen([sys.executable, "-c", code], start_new_session=apart, stdout=subprocess.PIPE)
        child.stdout.readline()
        pids.append(child.pid)
    sys.stdout.write(f"children {pids[0]} {pids[1]}\n")
    sys.stdout.flush()
    serve(port)


def flood(port: int) -> None:
    """Writes as fast as it can, without waiting for anybody, and then says again and again that it is done."""
    threading.Thread(target=serve, args=(port,), daemon=True).start()
    number = 0
    while number < 400_000:
        number += 1
        sys.stdout.write(f"line {number} {'x' * 60}\n")
    while True:
        sys.stdout.write("that was all\n")
        sys.stdout.flush()
        time.sleep(0.1)


def told(port: int) -> None:
    """Writes down the arguments and the environment it was given, and what it has open."""
    folder = Path(os.environ["TMPDIR"])
    (folder / "environment").write_text("\n".join(f"{key}={value}" for key, value in os.environ.items()))
    (folder / "arguments").write_bytes("\0".join(sys.argv[1:]).encode())
    (folder / "open").write_text(" ".join(sorted(os.listdir("/proc/self/fd"))))  # noqa: PTH208 - names
    (folder / "session").write_text(f"{os.getpid()} {os.getsid(0)} {os.getpgid(0)} {Path.cwd()}")
    serve(port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("how")
    parser.add_argument("--port", type=int)
    parser.add_argument("--model")
    parser.add_argument("--alias")
    given = parser.parse_args()
    globals()[given.how](given.port)
