#!/usr/bin/env python3
"""Vector spills in the innermost loops of object files or programs: one line for each function that has any.

  tests/bench/spills.py FILE... [--all]      needs objdump

An innermost loop is the code between a backward jump and its target with no other such jump inside. A spill is a vector
instruction in it that reads or writes the stack (an operand relative to rsp or rbp). Printed is, for each function, how
many innermost loops with vector arithmetic it has, how many of them spill, and the worst: spills of instructions.
--all prints functions without spills too. Exit code 0: none spills.
"""
import argparse
import re
import subprocess

LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
VECTOR = re.compile(r"%[xyz]mm\d+")
STACK = re.compile(r"\(%r[sb]p")
ARITHMETIC = re.compile(r"^v?(f?n?m(add|sub)|mul|add|sub|div|max|min|sqrt)\w*p[sd]$")


def functions(path):
    text = subprocess.run(["objdump", "-d", "-C", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    name, code = None, []
    for line in text.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if head:
            if code:
                yield name, code
            name, code = head.group(1), []
        elif match := LINE.match(line):
            code.append((int(match.group(1), 16), match.group(2), match.group(3)))
    if code:
        yield name, code


def innermost_loops(code):
    places = {address: i for i, (address, _, _) in enumerate(code)}
    loops = []
    for i, (address, op, rest) in enumerate(code):
        target = re.match(r"^([0-9a-f]+)", rest) if op.startswith("j") else None
        if target and int(target.group(1), 16) <= address and int(target.group(1), 16) in places:
            loops.append((places[int(target.group(1), 16)], i))
    return [(a, b) for a, b in loops if not any((c, d) != (a, b) and a <= c and d <= b for c, d in loops)]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("files", nargs="+")
    ap.add_argument("--all", action="store_true")
    args = ap.parse_args()
    spilled = 0
    for path in args.files:
        for name, code in functions(path):
            rows = []
            for a, b in innermost_loops(code):
                body = code[a:b + 1]
                if any(ARITHMETIC.match(op) for _, op, _ in body):
                    rows.append((sum(1 for _, _, rest in body if VECTOR.search(rest) and STACK.search(rest)), len(body)))
            worst = max(rows, default=(0, 0))
            bad = sum(1 for spills, _ in rows if spills)
            spilled += bad
            if bad or (args.all and rows):
                print(f"{bad:3} of {len(rows):3} loops, worst {worst[0]} of {worst[1]:4} instructions  {name[:150]}")
    raise SystemExit(1 if spilled else 0)


main()
