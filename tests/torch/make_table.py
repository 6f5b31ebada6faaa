#!/usr/bin/env python3
"""Makes table.tsv, the rows of the parity test for tables: numbers, categories, a class, a number and a yes/no target."""
import os
import random

rng = random.Random(5)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "table.tsv"), "w", encoding="utf-8") as f:
    f.write("a\tb\tc\tcolor\tsize\tkind\tprice\tsold\n")
    for _ in range(400):
        a, b, c = (round(rng.gauss(0, 2), 3) for _ in range(3))
        color, size = rng.choice(["red", "green", "blue"]), rng.choice(["s", "m", "l", "xl"])
        kind = "k" + str(int(a + (color == "red") > 0) + int(b > 1))
        price = round(3 * a - b * c + (size == "xl") * 4 + rng.gauss(0, 0.5), 3)
        f.write(f"{a}\t{b}\t{c}\t{color}\t{size}\t{kind}\t{price}\t{'yes' if price + b > 1 else 'no'}\n")
