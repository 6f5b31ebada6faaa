"""What the comparisons with PyTorch have in common: their options, and how figures over rounds are printed."""
import argparse
import os
import statistics

HERE = os.path.dirname(os.path.abspath(__file__))


def parse_args(doc, workloads, seconds):
    ap = argparse.ArgumentParser(description=doc.splitlines()[0])
    ap.add_argument("workloads", nargs="*", default=workloads)
    ap.add_argument("--peers", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--mtlc", default=os.path.join(HERE, "..", "..", "build", "bin", "mtlc"))
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--seconds", type=float, default=seconds)
    ap.add_argument("--python", default="/usr/bin/python3", help="a Python with PyTorch (Debian's python3-torch)")
    ap.add_argument("--blas", default="/usr/lib/x86_64-linux-gnu/openblas-openmp")
    return ap.parse_args()


def spread(values):
    return f"{statistics.median(values):.2f} [{min(values):.2f} {max(values):.2f}]"


def middle(rows, key):
    return statistics.median(row[key] for row in rows)
