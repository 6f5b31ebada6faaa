#!/usr/bin/env python3
"""Latency of a single sentence against PyTorch and against mtlc predict: one command, a table of ratios.

  tests/bench/latency.py --peers DIR --data DIR [--mtlc build/bin/mtlc] [--rounds 5] [--seconds 3] [WORKLOAD ...]

PEERS holds torch_infer.py, DATA the folder of data sets (snips). Each workload is trained as it stands, written as a C++
package and built with it. In each round the package's program, the inner loop of `mtlc predict` (predict_loop, beside
mtlc) and PyTorch take the sentences of SNIPS' test one by one, on one thread: the package from text to answers, the
other two from ids. PyTorch counts with the faster of its modes, eager and frozen TorchScript.
It never fails a build; it prints a table: medians over the rounds with the smallest and largest.
"""
import json
import os
import subprocess
import tempfile

from peer import HERE, middle, parse_args, spread


def run(command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout.strip().splitlines()


def build(args, name, folder):
    run([args.mtlc, "train", os.path.join(HERE, name + ".mtl"), "--data", args.data, "--run-dir", folder])
    weights = os.path.join(folder, "model.safetensors")
    project = os.path.join(folder, "build")
    run(["cmake", "-S", os.path.join(HERE, "latency"), "-B", project, f"-DMTLC_PROGRAM={args.mtlc}", f"-DWEIGHTS={weights}",
         f"-DMTL_MODEL_CMAKE={os.path.join(HERE, '..', '..', 'cmake', 'MtlModel.cmake')}"])
    run(["cmake", "--build", project])
    program = os.path.join(project, "latency")
    sizes = {what: os.path.getsize(path) / 2**20 for what, path in
             dict(program=program, weights=os.path.join(project, "bench_model", "bench.weights")).items()}
    return program, os.path.join(project, "bench_model", "bench.weights"), weights, sizes


def run_peer(args, name):
    env = dict(os.environ, ATEN_CPU_CAPABILITY="avx512", OMP_NUM_THREADS="1", LD_LIBRARY_PATH=args.blas)
    lines = run([args.python, os.path.join(args.peers, "torch_infer.py"), name, "--data", args.data, "--threads", "1",
                 "--seconds", str(args.seconds)], env=env)
    return min((json.loads(line)["batch_1"] for line in lines if "batch_1" in line), key=lambda times: times["p50_us"])


def main():
    args = parse_args(__doc__, ["bow", "bilstm", "transformer"], seconds=3)
    args.mtlc = os.path.abspath(args.mtlc)
    sentences = os.path.join(args.data, "snips", "test.conll")
    print(f"{'workload':12} {'PyTorch / ours':>20} {'ours / predict':>20} {'p50 us':>8} {'p99 us':>8} {'its p50':>8} {'its p99':>8} {'first ms':>9}"
          f" {'program MiB':>12} {'weights MiB':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name in args.workloads:
            program, weights, model, sizes = build(args, name, os.path.join(folder, name))
            ours, loops, peers = [], [], []
            for _ in range(args.rounds):
                peers.append(run_peer(args, name))
                ours.append(json.loads(run([program, weights, sentences, str(args.seconds)])[-1]))
                loops.append(json.loads(run([os.path.join(os.path.dirname(args.mtlc), "predict_loop"), model, sentences,
                                             str(args.seconds)])[-1]))
            print(f"{name:12} {spread([p['p50_us'] / o['p50_us'] for p, o in zip(peers, ours)]):>20} "
                  f"{spread([o['p50_us'] / l['p50_us'] for o, l in zip(ours, loops)]):>20} {middle(ours, 'p50_us'):8.1f} "
                  f"{middle(ours, 'p99_us'):8.1f} {middle(peers, 'p50_us'):8.1f} {middle(peers, 'p99_us'):8.1f} "
                  f"{middle(ours, 'first_us') / 1000:9.1f} {sizes['program']:12.2f} {sizes['weights']:12.2f}", flush=True)


main()
