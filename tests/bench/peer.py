"""What the comparisons with PyTorch share: options, levels of the processor, environments, load, and how figures are printed."""
import argparse
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DEBIAN_BLAS = "/usr/lib/x86_64-linux-gnu/openblas-openmp"

# Variables that tune one side or the other. None leaks in from the caller's environment; --env gives them back.
TUNING = ("ATEN_", "BLIS_", "DNNL_", "GLIBC_TUNABLES", "GOMP_", "GOTO_", "KMP_", "LD_PRELOAD", "MALLOC_", "MKL_", "MTLC_CPU", "OMP_", "ONEDNN_",
          "OPENBLAS_", "ORT_", "PYTORCH_", "TORCH")

# Levels as mtlc names them, the lowest first, with the flags of /proc/cpuinfo that each needs.
LEVELS = {"x86-64": set(), "x86-64-v3": {"avx2", "fma"}, "x86-64-v4": {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"}}
# What caps a peer to a level below the processor's. Each is read by one of: ATen, the compiler of torch.compile, oneDNN, OpenBLAS.
CAPS = {"x86-64-v3": dict(ATEN_CPU_CAPABILITY="avx2", TORCHINDUCTOR_CPP_MARCH="x86-64-v3", ONEDNN_MAX_CPU_ISA="AVX2", OPENBLAS_CORETYPE="Haswell"),
        "x86-64": dict(ATEN_CPU_CAPABILITY="default", TORCHINDUCTOR_CPP_MARCH="x86-64", ONEDNN_MAX_CPU_ISA="SSE41", OPENBLAS_CORETYPE="Nehalem")}
# MKL can be capped on Intel's processors alone, as its manual says: elsewhere it ignores the variable.
MKL_CAPS = {"x86-64-v3": "AVX2", "x86-64": "SSE4_2"}

FACTS = """
import json, torch
debian = "/dist-packages/" in torch.__file__ and not torch.backends.mkl.is_available()
print(json.dumps(dict(torch=torch.__version__, debian=debian, mkl=torch.backends.mkl.is_available())))
"""
BUSY = """
import os, sys
os.nice(int(sys.argv[2]))
while os.getppid() == int(sys.argv[1]):
    for _ in range(1000000):
        pass
"""


def cpu():
    """The processor's model, its flags, and whether it is Intel's."""
    lines = {}
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            key, _, value = line.partition(":")
            lines.setdefault(key.strip(), value.strip())
    return lines.get("model name", platform.machine()), set(lines.get("flags", "").split()), lines.get("vendor_id") == "GenuineIntel"


CPU_MODEL, CPU_FLAGS, INTEL = cpu()
HIGHEST = [level for level, needs in LEVELS.items() if needs <= CPU_FLAGS][-1]


def parser(doc, workloads, seconds, modes):
    ap = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="of " + ", ".join(workloads) + " (default: all)")
    ap.add_argument("--peers", metavar="DIR", help="folder of the peers' scripts, torch_train.py and torch_infer.py")
    ap.add_argument("--data", metavar="DIR", required=True, help="folder of the data sets (snips)")
    ap.add_argument("--mtlc", metavar="FILE", default=os.path.join(HERE, "..", "..", "build", "bin", "mtlc"), help="default: build/bin/mtlc")
    ap.add_argument("--python", metavar="FILE", action="append", dest="pythons",
                    help="a Python with PyTorch; may be given several times (default: /usr/bin/python3, for Debian's python3-torch)")
    ap.add_argument("--modes", metavar="MODE,...", default=",".join(modes), help="what each Python runs, of " + ", ".join(modes) + " (default: all)")
    ap.add_argument("--rounds", metavar="N", type=int, default=5, help="default: 5")
    ap.add_argument("--seconds", metavar="S", type=float, default=seconds, help=f"of each measurement (default: {seconds})")
    ap.add_argument("--levels", metavar="LEVEL,...", default=HIGHEST,
                    help="one table for each, of " + ", ".join(LEVELS) + "; below the processor's, both sides are capped (default: its highest alone)")
    ap.add_argument("--busy", metavar="N", type=int, default=0, help="measure both sides beside N busy loops")
    ap.add_argument("--busy-nice", metavar="K", type=int, default=0, help="the nice value of the busy loops (default: 0)")
    ap.add_argument("--env", metavar="NAME=VALUE", action="append", default=[],
                    help="set for both sides; variables that tune (OMP_..., MKL_..., ATEN_...) are taken from nowhere else")
    ap.add_argument("--json", action="store_true", help="JSON lines instead of tables")
    ap.set_defaults(known_workloads=workloads, known_modes=modes)
    return ap


def parse(ap):
    args = ap.parse_args()
    args.workloads = args.workloads or args.known_workloads
    args.modes, args.levels = args.modes.split(","), args.levels.split(",")
    for what, given, known in (("workload", args.workloads, args.known_workloads), ("mode", args.modes, args.known_modes),
                               ("level", args.levels, list(LEVELS))):
        for name in given:
            if name not in known:
                ap.error(f"{name} is no {what}: there are {', '.join(known)}")
    args.mtlc = os.path.abspath(args.mtlc)
    for level in args.levels:
        if not LEVELS[level] <= CPU_FLAGS:
            ap.error(f"this processor lacks {level}: its highest level is {HIGHEST}")
    for setting in args.env:
        if "=" not in setting:
            ap.error(f"--env takes NAME=VALUE, not {setting}")
    if not os.access(args.mtlc, os.X_OK):
        ap.error(f"there is no {args.mtlc}: --mtlc says where mtlc is")
    if args.rounds < 1:
        ap.error("--rounds takes a number from 1 on")
    args.env = dict(setting.split("=", 1) for setting in args.env)
    args.own = getattr(args, "own", False)
    if not args.own and not args.peers:
        ap.error("--peers is missing")
    args.pythons = [] if args.own else [Python(path, args) for path in args.pythons or ["/usr/bin/python3"]]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends with us
    return args


def clean_env(args):
    return {**{k: v for k, v in os.environ.items() if not k.startswith(TUNING)}, **args.env}


def our_env(args, level):
    """What a user has, capped to a level below the processor's."""
    return {**clean_env(args), **({} if level == HIGHEST else {"MTLC_CPU": level}), **args.env}


def run_ours(args, command, level=HIGHEST):
    """The lines that a program of our side prints; one that fails ends the comparison."""
    try:
        return subprocess.run(command, env=our_env(args, level), check=True, capture_output=True, text=True).stdout.strip().splitlines()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{' '.join(command)}: {reason(error)}")


def peer_settings(level):
    """What a peer gets on this processor at a level, and nothing that would be wrong there."""
    if level == HIGHEST:  # ATen takes AVX-512 for all of its kernels only when told
        return {"ATEN_CPU_CAPABILITY": "avx512"} if level == "x86-64-v4" else {}
    return {**CAPS[level], **({"MKL_ENABLE_INSTRUCTIONS": MKL_CAPS[level]} if INTEL else {})}


class Python:
    """A Python with PyTorch: Debian's, which finds its BLAS by the linker's path, or one of PyPI, which brings its own."""

    def __init__(self, path, args):
        self.path = path
        try:
            out = subprocess.run([path, "-c", FACTS], env=clean_env(args), check=True, capture_output=True, text=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"{path}: no Python with PyTorch: {reason(error)}")
        facts = json.loads(out)
        self.torch, self.debian, self.mkl = facts["torch"], facts["debian"], facts["mkl"]

    def env(self, args, level, threads):
        env = {**clean_env(args), "OMP_NUM_THREADS": str(threads), **peer_settings(level)}
        if self.debian and os.path.isdir(DEBIAN_BLAS):
            env["LD_LIBRARY_PATH"] = ":".join(filter(None, [DEBIAN_BLAS, env.get("LD_LIBRARY_PATH")]))
        return {**env, **args.env}

    def run(self, args, level, threads, script, *options):
        """The JSON lines that a script prints."""
        command = [self.path, script, *options, "--data", args.data, "--threads", str(threads), "--seconds", str(args.seconds)]
        out = subprocess.run(command, env=self.env(args, level, threads), check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def reason(error):
    """Why a process failed, in a line: the last that it printed."""
    lines = (getattr(error, "stderr", None) or "").strip().splitlines()
    return lines[-1].strip()[:200] if lines else str(error)


@contextlib.contextmanager
def load(args):
    """Busy loops for as long as the block runs. Each also ends by itself when this process is gone."""
    loops = []
    try:
        for _ in range(args.busy):
            loops.append(subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid()), str(args.busy_nice)], stderr=subprocess.DEVNULL))
        time.sleep(0.5 if loops else 0)
        if any(loop.poll() is not None for loop in loops):
            sys.exit(f"a busy loop did not start: may this user have the nice value {args.busy_nice}?")
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def heading(args, level, ours, peers):
    """Says what a table was measured on: processor, level, versions, settings, load."""
    version = "; ".join(run_ours(args, [args.mtlc, "--version"], level))
    settings = {**({} if args.own else peer_settings(level)), **args.env}
    uncapped = []
    if level != HIGHEST and any(python.mkl for python in args.pythons) and not INTEL:
        uncapped.append("MKL, which heeds a cap on Intel's processors alone")
    if level != HIGHEST and "onnxruntime" in args.modes:
        uncapped.append("ONNX Runtime, which has no such setting")
    loops = f"{args.busy} busy loop{'s' if args.busy > 1 else ''}, nice {args.busy_nice}" if args.busy else "none of ours"
    if args.json:
        print(json.dumps(dict(event="machine", cpu=CPU_MODEL, cpus=os.cpu_count(), level=level, highest=HIGHEST, mtlc=version, ours=ours, peers=peers,
                              torch=[python.torch for python in args.pythons], settings=settings, uncapped=uncapped, busy=args.busy,
                              busy_nice=args.busy_nice, rounds=args.rounds, seconds=args.seconds)), flush=True)
        return
    print(f"\n{CPU_MODEL}, {os.cpu_count()} CPUs, level {level}" + (", its highest" if level == HIGHEST else f", a cap: its highest is {HIGHEST}"))
    print(f"{version}, {ours}")
    if peers:
        print(f"PyTorch {' and '.join(python.torch for python in args.pythons)}, {peers}")
    if settings:
        print("settings: " + " ".join(f"{k}={v}" for k, v in settings.items()))
    if any(python.debian for python in args.pythons) and not os.path.isdir(DEBIAN_BLAS):
        print("libopenblas0-openmp is not installed: Debian's PyTorch is slower than it could be")
    if uncapped:
        print("not capped: " + "; ".join(uncapped))
    print(f"load: {loops}; {args.rounds} round{'s' if args.rounds > 1 else ''} of {args.seconds:g} s, medians", flush=True)


def left_out(args, name, peer, why):
    """Says that a peer is not in the table, once for each workload."""
    print(json.dumps(dict(event="left out", workload=name, peer=peer, why=why)) if args.json else f"{name}: {peer} is left out: {why}", flush=True)


def by_name(variants):
    """Rows by the peer's name, from rows by Python and mode; two Pythons with one version are told apart by their paths."""
    rows = {}
    for (python, _), values in variants.items():
        name = values[0]["peer"]
        rows[f"{name} ({python.path})" if name in rows else name] = values
    return rows


def fastest(rows, key, best):
    """The name of the peer whose median is best (max or min) over the rounds, and its rows; None, [] without peers."""
    if not rows:
        return None, []
    name = best(rows, key=lambda peer: middle(rows[peer], key))
    return name, rows[name]


def spread(values):
    return f"{statistics.median(values):.2f} [{min(values):.2f} {max(values):.2f}]" if values else "-"


def middle(rows, key):
    return statistics.median(row[key] for row in rows) if rows else float("nan")
