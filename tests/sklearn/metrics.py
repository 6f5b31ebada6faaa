#!/usr/bin/env python3
"""Our metrics against scikit-learn's (and scipy's), on the answers of a trained model (needs scikit-learn).

  tests/sklearn/metrics.py MTLC PROGRAM DATA FILE TASK=COLUMN:KIND...

Trains a copy of PROGRAM whose tasks have all metrics of their kind, evaluates it on FILE, the test split, with `mtlc
eval`, and compares each number with what scikit-learn makes of the answers of `mtlc predict` and of the labels, which
are read here. KIND is label, labels_of_positions, f32, or bool=TEXT, where TEXT is what means true. COLUMN is a
column's name in a table, its number in CoNLL, or the name of a comment there. span_f1 is not compared: scikit-learn has
none.

  tests/sklearn/metrics.py build/bin/mtlc examples/05_adult.mtl DATA adult/test.tsv \\
      'income=income:bool=>50K' 'single=never_married:bool=yes'
"""
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from scipy.stats import pearsonr
from sklearn import metrics

METRICS = {
    "bool": ["accuracy", "f1", "auc", "log_loss"],
    "label": ["accuracy", "macro_f1", "micro_f1", "log_loss"],
    "labels_of_positions": ["accuracy", "macro_f1", "micro_f1"],
    "f32": ["mae", "rmse", "r2", "pearson"],
}
TOLERANCE = 1e-5


def with_all_metrics(text, tasks):
    """The program with `metric = ...` in its tasks replaced by all metrics of their kinds."""
    text = re.sub(r",?\s*\bmetric\s*=\s*\[[^\]]*\]", "", text)
    for name, (_, kind, _) in tasks.items():
        text, count = re.subn(r"(task\s+%s\s+predicts\s+[\w.]+\s*\{)" % name,
                              r"\1 metric = [%s], " % ", ".join(METRICS[kind]), text)
        assert count == 1, "one task " + name
    return text


def read_conll(path):
    rows, row = [], {}
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if "\t" in line:
            for i, cell in enumerate(line.split("\t")):
                row.setdefault(str(i), []).append(cell)
        elif line.startswith("# ") and "=" in line:
            key, value = line[2:].split("=", 1)
            row[key.strip()] = value.strip()
        elif not line and row:
            rows.append(row)
            row = {}
    return rows + ([row] if row else [])


def read_rows(path):
    if path.endswith(".conll"):
        return read_conll(path)
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def of_labels(gold, said, answers, name):
    out = {"accuracy": metrics.accuracy_score(gold, said)}
    classes = sorted(set(gold) | set(said))
    out["macro_f1"] = metrics.f1_score(gold, said, average="macro", labels=classes, zero_division=0)
    out["micro_f1"] = metrics.f1_score(gold, said, average="micro", labels=classes)
    key = name + ".probability"
    if key in answers[0] and isinstance(answers[0][key], dict):
        names = sorted(answers[0][key])
        if set(gold) <= set(names):
            table = np.array([[a[key][c] for c in names] for a in answers])
            out["log_loss"] = metrics.log_loss(gold, table / table.sum(axis=1, keepdims=True), labels=names)
    return out


def right_numbers(rows, answers, name, column, kind, true):
    """What scikit-learn says, by metric."""
    if kind == "labels_of_positions":
        gold = [tag for row in rows for tag in row[column]]
        said = [tag for answer in answers for tag in answer[name]]
        return of_labels(gold, said, [{}], name)
    if kind == "label":
        return of_labels([row[column] for row in rows], [a[name] for a in answers], answers, name)
    if kind == "bool":
        gold = np.array([row[column] == true for row in rows])
        p = np.array([a[name + ".probability"] for a in answers])
        return {"accuracy": metrics.accuracy_score(gold, p >= 0.5), "f1": metrics.f1_score(gold, p >= 0.5),
                "auc": metrics.roc_auc_score(gold, p), "log_loss": metrics.log_loss(gold, p)}
    gold = np.array([float(row[column]) for row in rows])
    said = np.array([a[name] for a in answers])
    return {"mae": metrics.mean_absolute_error(gold, said), "rmse": metrics.mean_squared_error(gold, said) ** 0.5,
            "r2": metrics.r2_score(gold, said), "pearson": pearsonr(gold, said)[0]}


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main():
    mtlc, program, data, file = sys.argv[1:5]
    tasks = {}
    for task in sys.argv[5:]:
        name, rest = task.split("=", 1)
        column, kind = rest.split(":", 1)
        kind, _, true = kind.partition("=")
        tasks[name] = (column, kind, true)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as work:
        copy, folder = os.path.join(work, "program.mtl"), os.path.join(work, "run")
        with open(copy, "w", encoding="utf-8") as out:
            out.write(with_all_metrics(open(program, encoding="utf-8").read(), tasks))
        run(mtlc, "train", copy, "--data", data, "--run-dir", folder)
        model = os.path.join(folder, "model.safetensors")
        said = json.loads(run(mtlc, "eval", model, "--data", data, "--split", "test", "--json").splitlines()[-1])["scores"]
        ask = [word for name in tasks for word in ("--task", name)]
        path = os.path.join(data, file)
        answers = [json.loads(line) for line in run(mtlc, "predict", model, path, "--format", "source", *ask).splitlines()]
    rows = read_rows(path)
    assert len(rows) == len(answers), (len(rows), len(answers))
    bad = 0
    for name, (column, kind, true) in tasks.items():
        for metric, right in right_numbers(rows, answers, name, column, kind, true).items():
            ours = said[name + "." + metric]
            good = abs(ours - right) <= TOLERANCE * max(1.0, abs(right))
            bad += not good
            print("%-24s %.6f  scikit-learn %.6f%s" % (name + "." + metric, ours, right, "" if good else "  DIFFERS"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
