#!/usr/bin/env python3
"""Training speed against PyTorch: one command, a table of ratios.

  tests/bench/compare.py --peers DIR --data DIR [--mtlc build/bin/mtlc] [--rounds 5] [--seconds 6] [WORKLOAD ...]

PEERS holds torch_train.py, DATA the folder of data sets (snips). Both programs run in turn, with two threads, in each round;
printed is the median ratio of examples per second over the rounds with its smallest and largest, and both losses. `cold` is
the time from the start of the process to the end of the first training step, with data cached and the compiled model not.
The peer is set up as fairly as we know: OpenBLAS with OpenMP, AVX-512 kernels, two threads, its fastest optimizer.
It never fails a build; it prints a table.
"""
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

from peer import HERE, middle, parse_args, spread

# name: (inputs, heads, batch, batches) of the made-up rows
DENSE = {"mlp-small": (10, (2, 3, 4), 32, 64), "mlp-wide": (512, (10, 20, 30), 256, 16), "mmoe": (108, (2, 7), 1024, 16)}
TEXT = ("bow", "bilstm", "transformer")


def make_rows(name, folder):
    """Normal inputs; each label is the largest of random linear scores, as on the peer's side."""
    inputs, heads, batch, batches = DENSE[name]
    rng = random.Random(7)
    maps = [[[rng.gauss(0, 1) for _ in range(inputs)] for _ in range(k)] for k in heads]
    with open(os.path.join(folder, name + ".tsv"), "w", encoding="utf-8") as f:
        f.write("\t".join([f"x{i + 1}" for i in range(inputs)] + [f"y{i}" for i in range(len(heads))]) + "\n")
        for _ in range(batch * batches):
            x = [round(rng.gauss(0, 1), 5) for _ in range(inputs)]
            y = []
            for m in maps:
                scores = [sum(a * b for a, b in zip(row, x)) for row in m]
                y.append(f"c{scores.index(max(scores))}")
            f.write("\t".join([str(v) for v in x] + y) + "\n")


def run_peer(args, name):
    env = dict(os.environ, ATEN_CPU_CAPABILITY="avx512", OMP_NUM_THREADS="2")
    env["LD_LIBRARY_PATH"] = args.blas
    for key in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(key, None)
    command = [args.python, os.path.join(args.peers, "torch_train.py"), name, "--data", args.data, "--seconds", str(args.seconds)]
    out = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    line = json.loads(out.strip().splitlines()[-1])
    return dict(speed=line["examples_per_s"], loss=line["loss_last"], first=line["first_step_s"], mib=line["peak_mib"])


def run_ours(args, name, folder, first_only=False):
    """Examples per second after the first epoch, which warms up as the peer's does; and the time to the first step."""
    data = args.data if name in TEXT else folder
    command = [args.mtlc, "train", os.path.join(HERE, name.replace("-", "_") + ".mtl"), "--data", data, "--run-dir", os.path.join(folder, "run-" + name),
               "--cache", os.path.join(folder, "cache"), "--threads", "2", "--json"]
    begin = time.perf_counter()
    first = None
    examples = seconds = 0
    loss = None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        event = json.loads(line)
        if event.get("event") == "step" and first is None:
            first = time.perf_counter() - begin
            if first_only:
                process.terminate()
                break
        if event.get("event") == "epoch":
            loss = event["loss"]
            if event["epoch"] > 1:
                examples += event["examples"]
                seconds += event["train_seconds"]
                if seconds > args.seconds:
                    process.terminate()
                    break
    process.stdout.close()
    process.wait()
    if first is None:
        sys.exit(f"{' '.join(command)}: ended with {process.returncode} and no step")
    return dict(speed=examples / seconds if seconds else 0, loss=loss, first=first)


def main():
    args = parse_args(__doc__, [*TEXT, *DENSE], seconds=6)
    print(f"{'workload':12} {'ratio':>20} {'ours ex/s':>12} {'peer ex/s':>12} {'our loss':>9} {'its loss':>9} {'cold s':>8} {'its first':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for name in args.workloads:
            if name in DENSE:
                make_rows(name, folder)
            ours, peers, ratios = [], [], []
            cold = []
            for _ in range(args.rounds):
                peers.append(run_peer(args, name))
                ours.append(run_ours(args, name, folder))
                ratios.append(ours[-1]["speed"] / peers[-1]["speed"])
                for entry in os.scandir(os.path.join(folder, "cache")):  # the compiled model goes, the data stays
                    if entry.is_dir() and entry.name == "objects":
                        subprocess.run(["rm", "-r", entry.path], check=True)
                cold.append(run_ours(args, name, folder, first_only=True)["first"])
            print(f"{name:12} {spread(ratios):>20} {middle(ours, 'speed'):12.0f} {middle(peers, 'speed'):12.0f} {middle(ours, 'loss'):9.4f} "
                  f"{middle(peers, 'loss'):9.4f} {statistics.median(cold):8.3f} {middle(peers, 'first'):9.2f}", flush=True)


main()
