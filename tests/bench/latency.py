#!/usr/bin/env python3
"""Latency of a single sentence against PyTorch, ONNX Runtime and mtlc predict: one command, a table of ratios.

  tests/bench/latency.py --peers DIR --data DIR [--python FILE]... [--levels x86-64-v3,x86-64] [--busy N] [WORKLOAD ...]

PEERS holds torch_infer.py and torch_train.py, DATA the folder of data sets (snips). Each workload is trained as it stands,
written as a C++ package and built with it. In each round the package's program, the inner loop of `mtlc predict`
(predict_loop, beside mtlc) and the peers of every Python take the sentences of SNIPS' test one by one, on one thread: the
package from text to answers, the others from ids. Peers are PyTorch's modes, eager, frozen TorchScript (script) and
torch.compile (compiled), and ONNX Runtime (onnxruntime) where a Python has onnx and onnxruntime. The peer of a workload is
the fastest of them, by the median over the rounds of the median time; one that fails is said in a line and left out.

README.md beside this file says which Python to take: a current PyTorch or Debian's. It never fails a build; it prints a
table: medians over the rounds, ratios with the smallest and largest.
"""
import json
import os
import statistics
import subprocess
import tempfile

import peer
from peer import HERE, middle, run_ours, spread

# What each script measures. torch_infer.py runs both of its modes, whatever is asked for.
TORCH_MODES, MORE_MODES = ["eager", "script"], ["compiled", "onnxruntime"]


def build(args, name, folder):
    run_ours(args, [args.mtlc, "train", os.path.join(HERE, name + ".mtl"), "--data", args.data, "--run-dir", folder])
    model = os.path.join(folder, "model.safetensors")
    project = os.path.join(folder, "build")
    run_ours(args, ["cmake", "-S", os.path.join(HERE, "latency"), "-B", project, f"-DMTLC_PROGRAM={args.mtlc}", f"-DWEIGHTS={model}",
                    f"-DMTL_MODEL_CMAKE={os.path.join(HERE, '..', '..', 'cmake', 'MtlModel.cmake')}"])
    run_ours(args, ["cmake", "--build", project])
    program, weights = os.path.join(project, "latency"), os.path.join(project, "bench_model", "bench.weights")
    return dict(program=program, weights=weights, model=model, program_mib=os.path.getsize(program) / 2**20, weights_mib=os.path.getsize(weights) / 2**20)


def run_peers(args, level, name, python):
    """Yields mode and line of what a Python runs; a line has `failed` instead of times where it failed."""
    scripts = [(os.path.join(args.peers, "torch_infer.py"), TORCH_MODES, []),
               (os.path.join(HERE, "onnx_infer.py"), MORE_MODES, ["--peers", args.peers])]
    for script, known, options in scripts:
        modes = [mode for mode in known if mode in args.modes and (python, mode) not in args.failed]
        if not modes:
            continue
        if known is MORE_MODES:
            options = options + ["--modes", ",".join(modes)]
        try:
            lines = python.run(args, level, 1, script, name, *options)
        except subprocess.CalledProcessError as error:
            lines = [dict(peer=mode, failed=peer.reason(error)) for mode in modes]
        for line in lines:  # "torch 2.0 eager", "onnxruntime 1.17" or, of one that failed, the mode alone
            words = line["peer"].split()
            mode = words[0] if words[0] == "onnxruntime" else words[-1]
            if mode in modes:
                yield mode, line


def measure(args, level, name, built):
    """Rows of each peer by its name, of the package's program and of the inner loop of mtlc predict."""
    sentences = os.path.join(args.data, "snips", "test.conll")
    predict_loop = os.path.join(os.path.dirname(args.mtlc), "predict_loop")
    peers, ours, loops = {}, [], []
    args.failed = set()
    for _ in range(args.rounds):
        for python in args.pythons:
            for mode, line in run_peers(args, level, name, python):
                key = (python, mode)
                if "failed" in line:
                    peers.pop(key, None)
                    args.failed.add(key)
                    peer.left_out(args, name, f"{mode} of torch {python.torch}", line["failed"])
                else:
                    peers.setdefault(key, []).append(dict(line["batch_1"], peer=line["peer"], batch_32=line["batch_32"]))
        ours.append(json.loads(run_ours(args, [built["program"], built["weights"], sentences, str(args.seconds)], level)[-1]))
        loops.append(json.loads(run_ours(args, [predict_loop, built["model"], sentences, str(args.seconds)], level)[-1]))
    return peer.by_name(peers), ours, loops


def table(args, level, packages):
    peer.heading(args, level, "on one thread", f"{', '.join(args.modes)}, on one thread")
    if not args.json:
        print(f"{'workload':12} {'peer / ours':>20} {'ours / predict':>18} {'p50 us':>8} {'p99 us':>8} {'its p50':>8} {'its p99':>8} {'first ms':>9}"
              f" {'program MiB':>12} {'weights MiB':>12}  peer")
    for name, built in packages.items():
        peers, ours, loops = measure(args, level, name, built)
        best, its = peer.fastest(peers, "p50_us", min)
        ratios = [p["p50_us"] / o["p50_us"] for p, o in zip(its, ours)]
        to_loop = [o["p50_us"] / loop["p50_us"] for o, loop in zip(ours, loops)]
        if args.json:
            print(json.dumps(dict(event="latency", level=level, workload=name, peer=best, ratio=statistics.median(ratios) if ratios else None,
                                  ratios=ratios, to_predict_loop=to_loop, ours=ours, predict_loop=loops, peers=peers,
                                  program_mib=built["program_mib"], weights_mib=built["weights_mib"])), flush=True)
            continue
        print(f"{name:12} {spread(ratios):>20} {spread(to_loop):>18} {middle(ours, 'p50_us'):8.1f} {middle(ours, 'p99_us'):8.1f} "
              f"{middle(its, 'p50_us'):8.1f} {middle(its, 'p99_us'):8.1f} {middle(ours, 'first_us') / 1000:9.1f} {built['program_mib']:12.2f} "
              f"{built['weights_mib']:12.2f}  {best or 'none'}", flush=True)


def main():
    args = peer.parse(peer.parser(__doc__, ["bow", "bilstm", "transformer"], seconds=3, modes=TORCH_MODES + MORE_MODES))
    with tempfile.TemporaryDirectory() as folder:
        packages = {name: build(args, name, os.path.join(folder, name)) for name in args.workloads}
        with peer.load(args):
            for level in args.levels:
                table(args, level, packages)


main()
