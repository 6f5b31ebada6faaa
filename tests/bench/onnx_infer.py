#!/usr/bin/env python3
"""More peers for latency.py: ONNX Runtime and torch.compile, in the lines that torch_infer.py prints, one for each mode.

  onnx_infer.py bow|bilstm|transformer --peers DIR --data DIR [--threads N] [--seconds S] [--modes onnxruntime,compiled]

Run by a Python with torch, and with onnx and onnxruntime for that mode. PEERS holds torch_train.py, whose models these
are. ONNX Runtime takes the exported model with every optimisation of graphs, and its answers must be PyTorch's to 1e-4.
Sentences are the real ones of SNIPS' test in their own lengths at batch 1, and length-sorted batches of 32.
"""
import argparse
import contextlib
import inspect
import json
import os
import sys
import tempfile
import time
import types
import warnings

import torch


def training_peer(folder):
    """torch_train.py without running its main()."""
    path = os.path.join(folder, "torch_train.py")
    module = types.ModuleType("torch_train")
    with open(path, encoding="utf-8") as f:
        exec(compile(f.read().rsplit("\nmain()", 1)[0], path, "exec"), module.__dict__)
    return module


def load(args):
    """The model, and its inputs: single sentences and batches of 32, both as ids."""
    torch.manual_seed(7)
    train = training_peer(args.peers)
    data = train.SluData(os.path.join(args.data, "snips", "train.conll"), 32)
    net = {"bow": train.Bow, "bilstm": train.BiLstm, "transformer": train.Transformer}[args.workload](data).eval()
    ids = [[data.vocab.get(word.lower(), 1) for word in words] for words, _, _ in train.read_conll(os.path.join(args.data, "snips", "test.conll"))]
    ones = [torch.tensor([row]) for row in ids]
    ids.sort(key=len)
    many = []
    for start in range(0, len(ids) - 31, 32):
        rows = ids[start:start + 32]
        many.append(torch.tensor([row + [0] * (len(rows[-1]) - len(row)) for row in rows]))
    return net, ones, many


def onnx_model(net, path, dynamo):
    """Both ways of exporting, with numbers of sentences and of words left open: by tracing and by torch.export."""
    ids = torch.tensor([[5, 9, 3, 7, 2, 11, 4], [5, 9, 3, 7, 2, 0, 0]])
    axes = {0: "sentences", 1: "words"}
    shapes = {name: axes for name in ("ids", "mask")}
    if dynamo:
        dims = {axis: torch.export.Dim.DYNAMIC for axis in axes}
        how = dict(dynamo=True, dynamic_shapes=((dims, dims),))
    else:
        how = dict(dynamic_axes=shapes, **({"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}))
    torch.onnx.export(net, ((ids, ids != 0),), path, input_names=list(shapes), output_names=["intent", "slots"], **how)


def check(call, net, inputs):
    """Raises an error where answers are not PyTorch's: for the shortest and longest inputs and some between."""
    ordered = sorted(inputs, key=lambda ids: ids.shape[1])
    for ids in ordered[::max(1, len(ordered) // 8)] + ordered[-1:]:
        with torch.no_grad():
            expected = net((ids, ids != 0))
        for answer, good in zip(call(ids), expected):
            torch.testing.assert_close(torch.as_tensor(answer), good, rtol=1e-4, atol=1e-4)


def onnxruntime_call(args, net, ones, many):
    """The call of ONNX Runtime and its version. Tracing does not keep every model's lengths open: torch.export is then taken."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4  # an export that does not fit is ours to report
    torch.backends.mha.set_fastpath_enabled(False)  # one operator that ONNX lacks
    why = None
    try:
        for dynamo in (False, True):
            try:
                with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
                    path = os.path.join(folder, "model.onnx")
                    onnx_model(net, path, dynamo)
                    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
                call = lambda ids: session.run(None, dict(ids=ids, mask=ids != 0))
                check(lambda ids: call(ids.numpy()), net, ones + many)
                return call, f"onnxruntime {onnxruntime.__version__}"
            except Exception as error:
                why = error
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    raise why


def compiled_call(net, ones, many):
    """The call of torch.compile with lengths left open and weights as constants."""
    compiled = torch.compile(net, dynamic=True, options=dict(freezing=True))
    call = lambda ids: compiled((ids, ids != 0))
    check(call, net, ones + many)
    return call, f"torch {torch.__version__} compiled"


def measure(call, batches, seconds):
    """Every shape is seen before: what compiles for some of them has done so."""
    for batch in list({batch.shape: batch for batch in batches}.values()) + batches[:50]:
        call(batch)
    times, sentences, i, begin = [], 0, 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        batch = batches[i % len(batches)]
        start = time.perf_counter()
        call(batch)
        times.append(time.perf_counter() - start)
        sentences += batch.shape[0]
        i += 1
    times.sort()
    return dict(p50_us=round(1e6 * times[len(times) // 2], 1), p99_us=round(1e6 * times[len(times) * 99 // 100], 1),
                sentences_per_s=round(sentences / sum(times), 1))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("workload", choices=["bow", "bilstm", "transformer"])
    ap.add_argument("--peers", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--seconds", type=float, default=5.0)
    ap.add_argument("--modes", default="onnxruntime,compiled")
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    warnings.filterwarnings("ignore")
    net, ones, many = load(args)
    for mode in args.modes.split(","):
        try:
            with torch.inference_mode(mode == "compiled"):
                call, name = compiled_call(net, ones, many) if mode == "compiled" else onnxruntime_call(args, net, ones, many)
                inputs = [[ids if mode == "compiled" else ids.numpy() for ids in batches] for batches in (ones, many)]
                line = dict(peer=name, threads=args.threads, batch_1=measure(call, inputs[0], args.seconds),
                            batch_32=measure(call, inputs[1], args.seconds))
        except Exception as error:  # say so, measure what there is
            line = dict(peer=mode, failed=(str(error).strip() or repr(error)).splitlines()[0][:120])
        print(json.dumps(dict(workload=args.workload, **line)), flush=True)


main()
