#!/usr/bin/env python3
"""Training speed against PyTorch: one command, a table of ratios.

  tests/bench/compare.py --peers DIR --data DIR [--python FILE]... [--levels x86-64-v3,x86-64] [--busy N] [WORKLOAD ...]
  tests/bench/compare.py --own --data DIR [--busy N] [WORKLOAD ...]

PEERS holds torch_train.py, DATA the folder of data sets (snips). In each round every Python in each of its modes and mtlc
train in turn. The peer of a workload is the Python and mode with the most examples per second, by the median over the
rounds; printed is the median ratio of ours to its with the smallest and largest, and both losses. `cold` is the time from
the start of the process to the end of the first training step, with data cached and the compiled model not. A mode that
fails is said in a line and left out.

mtlc chooses its number of threads as it does for a user, the peer has two; --threads gives both a number.
--own takes no peer: examples per second with one thread, with two and with mtlc's own choice, in turn in each round, and
the ratio of its choice to the better of the two.

README.md beside this file says which Python to take: a current PyTorch or Debian's. It never fails a build; it prints a
table.
"""
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import peer
from peer import HERE, middle, spread

# name: (inputs, heads, batch, batches) of the made-up rows
DENSE = {"mlp-small": (10, (2, 3, 4), 32, 64), "mlp-wide": (512, (10, 20, 30), 256, 16), "mmoe": (108, (2, 7), 1024, 16)}
TEXT = ("bow", "bilstm", "transformer")
PEER_THREADS = 2


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


def run_peer(args, level, name, python, mode):
    script = os.path.join(args.peers, "torch_train.py")
    line = python.run(args, level, args.threads or PEER_THREADS, script, name, "--mode", mode)[-1]
    return dict(peer=line["peer"], speed=line["examples_per_s"], loss=line["loss_last"], first=line["first_step_s"])


def run_ours(args, level, name, folder, threads=None, first_only=False):
    """Examples per second after the first epoch, which warms up as the peer's does; and the time to the first step."""
    data = args.data if name in TEXT else folder
    command = [args.mtlc, "train", os.path.join(HERE, name.replace("-", "_") + ".mtl"), "--data", data, "--run-dir", os.path.join(folder, "run-" + name),
               "--cache", os.path.join(folder, "cache"), "--json"] + (["--threads", str(threads)] if threads else [])
    begin = time.perf_counter()
    first = loss = line = None
    examples = seconds = 0
    process = subprocess.Popen(command, env=peer.our_env(args, level), stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            event = json.loads(line)
            if event.get("event") == "step" and first is None:
                first = time.perf_counter() - begin
                if first_only:
                    break
            if event.get("event") == "epoch":
                loss = sum(loss or 0 for loss in event["losses"].values())
                if event["epoch"] > 1:
                    examples += event["examples"]
                    seconds += event["seconds"]
                    if seconds > args.seconds:
                        break
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()
    if first is None or (seconds == 0 and not first_only):
        sys.exit(f"{' '.join(command)}: ended with {process.returncode} and nothing to measure; its last line: {(line or 'none').strip()}")
    return dict(speed=examples / seconds if seconds else 0, loss=loss, first=first)


def measure(args, level, name, folder):
    """Rows of each peer by its name, of ours, and the times of our first step without the compiled model."""
    variants = {(python, mode): [] for python in args.pythons for mode in args.modes}
    ours, cold = [], []
    for _ in range(args.rounds):
        for python, mode in list(variants):
            try:
                variants[python, mode].append(run_peer(args, level, name, python, mode))
            except subprocess.CalledProcessError as error:
                del variants[python, mode]
                peer.left_out(args, name, f"torch {python.torch} {mode}", peer.reason(error))
        ours.append(run_ours(args, level, name, folder, args.threads))
        shutil.rmtree(os.path.join(folder, "cache", "objects"), ignore_errors=True)  # the compiled model goes, the data stays
        cold.append(run_ours(args, level, name, folder, args.threads, first_only=True)["first"])
    return peer.by_name(variants), ours, cold


def compare(args, level, folder):
    peer.heading(args, level, f"threads: {args.threads or 'its own choice'}", f"{', '.join(args.modes)}; threads: {args.threads or PEER_THREADS}")
    if not args.json:
        print(f"{'workload':12} {'ours / peer':>20} {'ours ex/s':>11} {'peer ex/s':>11} {'our loss':>9} {'its loss':>9} {'cold s':>7} {'its first':>9}  peer")
    for name in args.workloads:
        peers, ours, cold = measure(args, level, name, folder)
        best, its = peer.fastest(peers, "speed", max)
        ratios = [o["speed"] / p["speed"] for o, p in zip(ours, its)]
        if args.json:
            print(json.dumps(dict(event="training", level=level, workload=name, peer=best, ratio=statistics.median(ratios) if ratios else None,
                                  ratios=ratios, cold_s=cold, ours=ours, peers=peers)), flush=True)
            continue
        print(f"{name:12} {spread(ratios):>20} {middle(ours, 'speed'):11.0f} {middle(its, 'speed'):11.0f} {middle(ours, 'loss'):9.4f} "
              f"{middle(its, 'loss'):9.4f} {statistics.median(cold):7.3f} {middle(its, 'first'):9.2f}  {best or 'none'}", flush=True)


def compare_own(args, level, folder):
    peer.heading(args, level, "with 1 thread, with 2 and with its own choice", "")
    if not args.json:
        print(f"{'workload':12} {'choice / better':>20} {'1 thread':>11} {'2 threads':>11} {'its choice':>11}  examples per second")
    for name in args.workloads:
        rows = {1: [], 2: [], None: []}
        for _ in range(args.rounds):
            for threads, values in rows.items():
                values.append(run_ours(args, level, name, folder, threads))
        one, two, choice = ([row["speed"] for row in values] for values in rows.values())
        ratios = [c / max(a, b) for a, b, c in zip(one, two, choice)]
        if args.json:
            print(json.dumps(dict(event="threads", level=level, workload=name, ratio=statistics.median(ratios), ratios=ratios,
                                  one=one, two=two, choice=choice)), flush=True)
            continue
        print(f"{name:12} {spread(ratios):>20} {statistics.median(one):11.0f} {statistics.median(two):11.0f} {statistics.median(choice):11.0f}", flush=True)


def main():
    ap = peer.parser(__doc__, [*TEXT, *DENSE], seconds=6, modes=["eager", "compile"])
    ap.add_argument("--threads", metavar="N", type=int, help="for both sides (default: mtlc's own choice, and two for the peer)")
    ap.add_argument("--own", action="store_true", help="no peer: mtlc's choice of threads against one and two")
    args = peer.parse(ap)
    if args.own and args.threads:
        ap.error("--own measures with one thread, two and mtlc's choice: it takes no --threads")
    with tempfile.TemporaryDirectory() as folder, peer.load(args):
        for name in args.workloads:
            if name in DENSE:
                make_rows(name, folder)
        for level in args.levels:
            (compare_own if args.own else compare)(args, level, folder)


main()
