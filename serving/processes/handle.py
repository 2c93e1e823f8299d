"""One operating system process: started without a shell, or found again; its end is seen either way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from serving.processes.tree import Tree, stat_of

PASSED = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "no_proxy", "VIRTUAL_ENV",
})
PASSED_FAMILIES = (
    "LC_", "CUDA_", "NVIDIA_", "NCCL_", "HF_", "HUGGINGFACE_", "TRANSFORMERS_", "TORCH_", "VLLM_", "SGLANG_", "OLLAMA_",
    "LLAMA_", "GGML_", "OMP_", "MKL_", "ROCR_", "HIP_", "HSA_", "ROCM_", "ONEAPI_", "SYCL_", "ZE_", "VK_",
)
"""What a model process gets of the environment that Vigie was started in: what finds programs, caches, cards and
certificates, and what engines are set by. Nothing of Vigie's own."""
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POLL = 0.25
"""Seconds between two looks at a process whose end the kernel cannot announce (no pidfd before Linux 5.3)."""


def environment(given: Mapping[str, str], gpus: str) -> dict[str, str]:
    """The environment of a model process that may use ``gpus`` (empty: whatever Vigie may)."""
    made = {key: value for key, value in given.items() if key in PASSED or key.startswith(PASSED_FAMILIES)}
    made.setdefault("PATH", DEFAULT_PATH)
    if gpus:
        made |= {"CUDA_VISIBLE_DEVICES": gpus, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}  # numbered as nvidia-smi does
    return made


class Handle:
    """A running process. ``on_end`` is called in the event loop once it has ended.

    ``code`` is its exit code, negative for a signal, None while it runs and for one that is not our child: the kernel
    tells how a process ended to its parent alone.
    """

    def __init__(self, tree: Tree, on_end: Callable[[], None], child: subprocess.Popen[bytes] | None = None) -> None:
        self.tree, self.pid, self.ended = tree, tree.pid, False
        self.code: int | None = None
        self._child, self._on_end = child, on_end
        self._fd: int | None = None
        self._poll: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._watch()

    @classmethod
    def start(
        cls, words: Sequence[str], env: Mapping[str, str], output: int, on_end: Callable[[], None]
    ) -> Handle:
        """Runs ``words`` in a session of its own, so that it outlives us, with its output going to the open file
        ``output``: a file and not a pipe, so that it neither blocks nor dies (SIGPIPE) when nobody reads.

        `subprocess.Popen` and not asyncio's: that one kills its child when its event loop goes.

        Raises:
            OSError: there is no such program, or it cannot be run.
        """
        child = subprocess.Popen(
            list(words), stdin=subprocess.DEVNULL, stdout=output, stderr=output, close_fds=True, cwd="/",
            env=dict(env), start_new_session=True,
        )
        stat = stat_of(child.pid)  # a zombie has one, too: nobody else can ask how our child ended
        return cls(Tree(child.pid, stat.start if stat else 0), on_end, child)

    @classmethod
    def adopt(cls, pid: int, start: int, on_end: Callable[[], None]) -> Handle | None:
        """The process ``pid`` that began at ``start``; None when it is gone, or its pid is somebody else's."""
        stat = stat_of(pid)
        if stat is None or stat.start != start or stat.dead:
            return None
        return cls(Tree(pid, start), on_end)

    def _watch(self) -> None:
        try:
            self._fd = os.pidfd_open(self.pid)
            self._loop.add_reader(self._fd, self._look)
        except (OSError, AttributeError):
            self._poll = self._loop.call_later(POLL, self._look)

    def _look(self) -> None:
        if self._child is not None:
            self.code = self._child.poll()
            over = self.code is not None
        else:
            over = self.pid not in self.tree.alive()
        if over:
            self.ended = True
            self.let_go()
            self._on_end()
        elif self._fd is None:
            self._poll = self._loop.call_later(POLL, self._look)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the whole group and to every known member outside of it."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
        inside = set() if self.ended else {pid for pid in self.tree.alive() if _group(pid) == self.pid}
        for pid in set(self.tree.alive()) - inside:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def let_go(self) -> None:
        """Stops watching; the process goes on."""
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        if self._child is not None and not self.ended:
            self._child.returncode = 0  # not a forgotten child: it is meant to outlive this object


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
