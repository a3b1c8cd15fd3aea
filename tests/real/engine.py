#!/usr/bin/env python3
"""The llama.cpp server out of a Python package, as it comes, on a model of make_gguf.py.

    engine.py MODEL PORT [--embedding]

Ends when standard input does. Needs the package xllamacpp, which brings llama.cpp compiled.
"""
import sys

from xllamacpp import CommonParams, Server, llama_pooling_type


def main():
    params = CommonParams()
    params.model.path = sys.argv[1]
    params.model_alias = {"tiny"}
    params.hostnames = ["127.0.0.1"]
    params.port = int(sys.argv[2])
    params.n_ctx = 4096  # two places of as much as the model has
    params.n_parallel = 2
    params.endpoint_slots = params.endpoint_metrics = True
    params.use_jinja = True
    params.warmup = False
    if "--embedding" in sys.argv:
        params.embedding = True
        params.pooling_type = llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
