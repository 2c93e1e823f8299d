#!/usr/bin/env python3
"""Stands in for llama.cpp's ``llama-server``: the real HTTP server of llama.cpp out of the wheel ``xllamacpp``.

Takes the options of ``llama-server`` that Vigie gives and refuses others, as the real program does.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="llama-server", allow_abbrev=False)
    add = parser.add_argument
    add("-m", "--model", required=True)
    add("-a", "--alias")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8080)
    add("-c", "--ctx-size", type=int, default=0)
    add("-np", "--parallel", type=int, default=1)
    add("-t", "--threads", type=int, default=1)
    add("-b", "--batch-size", type=int)
    add("-n", "--n-predict", type=int)
    add("-ngl", "--n-gpu-layers", default="0")
    add("--temp", type=float)
    add("--top-k", type=int)
    add("--top-p", type=float)
    add("--repeat-penalty", type=float)
    add("-s", "--seed", type=int)
    add("--metrics", action="store_true")
    add("--no-slots", action="store_true")
    add("--props", action="store_true")
    add("--api-key")
    add("--api-key-file", type=Path)
    add("--sleep-idle-seconds", type=int)
    add("--embeddings", action="store_true")
    add("-ctk", "--cache-type-k", default="f16")
    add("-ctv", "--cache-type-v", default="f16")
    add("-lv", "--verbosity", type=int)
    add("--pooling", choices=["mean"])
    return parser.parse_args()


def main() -> None:
    given = options()
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.hostnames, params.port = given.model, [given.host], given.port
    params.n_parallel, params.n_ctx = given.parallel, given.ctx_size
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = given.threads
    params.endpoint_metrics, params.endpoint_slots = given.metrics, not given.no_slots
    params.endpoint_props, params.ui, params.use_jinja = given.props, False, True
    if given.alias:
        params.model_alias = {given.alias}
    if given.api_key_file:
        params.api_keys = given.api_key_file.read_text().split()
    elif given.api_key:
        params.api_keys = [given.api_key]
    if given.sleep_idle_seconds:
        params.sleep_idle_seconds = given.sleep_idle_seconds
    if given.embeddings:
        params.embedding = True
    for name, kind in (("cache_type_k", given.cache_type_k), ("cache_type_v", given.cache_type_v)):
        setattr(params, name, xllamacpp.ggml_type[f"GGML_TYPE_{kind.upper()}"])
    if given.verbosity:
        params.verbosity = given.verbosity
    if given.pooling:
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    if given.batch_size:
        params.n_batch = given.batch_size
    if given.n_predict:
        params.n_predict = given.n_predict
    sampling = {
        "temp": given.temp, "top_k": given.top_k, "top_p": given.top_p, "penalty_repeat": given.repeat_penalty,
        "seed": given.seed,
    }
    for name, value in sampling.items():
        if value is not None:
            setattr(params.sampling, name, value)
    for number in (signal.SIGTERM, signal.SIGINT):
        # As the real program: without waiting for who is still connected. No lock: it may interrupt its holder.
        signal.signal(number, lambda *_: os._exit(0))
    try:
        server = xllamacpp.Server(params)
    except Exception as error:  # noqa: BLE001 - whatever it is, the real program ends so, too
        sys.stderr.write(f"llama_server: exiting due to model loading error: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    sys.stderr.write(f"llama_server: listening on {server.listening_address}\n")
    sys.stderr.flush()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
