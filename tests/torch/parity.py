#!/usr/bin/env python3
"""Our training losses against PyTorch's from the same weights on the same batches (needs torch and numpy).

  tests/torch/parity.py [--parity build/bin/parity] [--write] [NAME ...]

For each program of this folder: our side writes its first weights, its batches and its losses; the same model is built in
PyTorch from these weights, trained on these batches with torch.optim.AdamW, and the losses compared, task by task, for 50
steps. --write keeps PyTorch's losses as golden/NAME.json, which the test suite compares with where there is no PyTorch.
"""
import argparse
import csv
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import sharing

HERE = os.path.dirname(os.path.abspath(__file__))


def read_safetensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        body = f.read()
    meta = header.pop("__metadata__")
    out = {}
    for name, t in header.items():
        a, b = t["data_offsets"]
        out[name] = torch.from_numpy(np.frombuffer(body[a:b], np.float32).reshape(t["shape"]).copy())
    return out, json.loads(meta["mtlc.fitted"])


def read_conll(path):
    out, words, tags, meta = [], [], [], {}
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if "\t" in line:
            word, tag = line.split("\t")
            words.append(word)
            tags.append(tag)
        elif line.startswith("# "):
            key, value = line[2:].split(" = ", 1)
            meta[key] = value
        elif words:
            out.append((words, tags, meta))
            words, tags, meta = [], [], {}
    return out


class TextModel(nn.Module):
    """Encoder over a padded batch, a sentence head on the mean of the real positions, a token head."""

    def __init__(self, w, name):
        super().__init__()
        self.kind = name
        self.embed = nn.Embedding(*w["encoder.embed.weight"].shape)
        dim = self.embed.embedding_dim
        names = {"encoder.embed.weight": "embed.weight"}
        if name == "bow":
            self.linear = nn.Linear(dim, w["encoder.linear.weight"].shape[0])
            width = self.linear.out_features
            names.update({f"encoder.linear.{k}": f"linear.{k}" for k in ("weight", "bias")})
        elif name == "bilstm":
            hidden = w["encoder.bilstm.weight_hh_l0"].shape[1]
            self.rnn = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
            width = 2 * hidden
            names.update({k: k.replace("encoder.bilstm.", "rnn.") for k in w if k.startswith("encoder.bilstm.")})
        else:
            self.positions = nn.Embedding(*w["encoder.positional.weight"].shape)
            layer = nn.TransformerEncoderLayer(dim, 2, 32, 0.0, "gelu", batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)
            width = dim
            names["encoder.positional.weight"] = "positions.weight"
            names.update({k: k.replace("encoder.transformer.", "encoder.") for k in w if k.startswith("encoder.transformer.")})
        self.intent = nn.Linear(width, w["intent.linear.weight"].shape[0])
        self.slots = nn.Linear(width, w["slots.linear.weight"].shape[0])
        names.update({f"{t}.linear.{k}": f"{t}.{k}" for t in ("intent", "slots") for k in ("weight", "bias")})
        self.load_state_dict({mine: w[ours] for ours, mine in names.items()})
        assert len(names) == len(w), f"parameters not used: {set(w) - set(names)}"

    def forward(self, ids, mask):
        h = self.embed(ids)
        if self.kind == "bow":
            h = torch.relu(self.linear(h))
        elif self.kind == "bilstm":
            packed = nn.utils.rnn.pack_padded_sequence(h, mask.sum(1), batch_first=True, enforce_sorted=False)
            h = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0]
        else:
            h = self.encoder(h + self.positions(torch.arange(ids.shape[1])), src_key_padding_mask=~mask)
        m = mask.unsqueeze(-1).float()
        return self.intent((h * m).sum(1) / m.sum(1)), self.slots(h)


def text_losses(name, weights, fitted, batches):
    rows = read_conll(os.path.join(HERE, "..", "..", "examples", "data", "assistant", "train.conll"))
    words, slots, intents = ({n: i for i, n in enumerate(s["names"])} for s in (
        fitted["vocabs"]["en"], fitted["sets"]["talk.slots"], fitted["sets"]["talk.intent"]))
    net = TextModel(weights, name)

    def losses(batch):
        chosen = [rows[i] for i in batch]
        width = max(len(r[0]) for r in chosen)
        ids = torch.zeros(len(chosen), width, dtype=torch.long)
        tags = torch.full((len(chosen), width), -100)
        for k, (ws, ts, _) in enumerate(chosen):
            ids[k, :len(ws)] = torch.tensor([words[w.lower()] for w in ws])
            tags[k, :len(ws)] = torch.tensor([slots[t] for t in ts])
        intent, slot = net(ids, tags >= 0)
        gold = torch.tensor([intents[r[2]["intent"]] for r in chosen])
        return dict(intent=F.cross_entropy(intent, gold), slots=F.cross_entropy(slot.flatten(0, 1), tags.flatten()))

    return train(net, losses, batches)


class TableModel(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.p = nn.ParameterDict({k.replace(".", "/"): nn.Parameter(v) for k, v in w.items()})

    def linear(self, path, x):
        return F.linear(x, self.p[path.replace(".", "/") + "/weight"], self.p[path.replace(".", "/") + "/bias"])

    def forward(self, numbers, facts):
        h = torch.cat([numbers, self.p["fields/weight"][facts].flatten(1)], 1)
        for i in range(2):
            h = torch.relu(self.linear(f"body.hidden.{i}", h))
        return {t: self.linear(f"{t}.linear", h) for t in ("kind", "price", "sold")}


def table_losses(name, weights, fitted, batches):
    rows = list(csv.DictReader(open(os.path.join(HERE, "table.tsv"), encoding="utf-8"), delimiter="\t"))

    def standard(column):
        v = np.array([float(r[column]) for r in rows])
        return torch.tensor((v - v.mean()) / v.std(), dtype=torch.float32)

    numbers = torch.stack([standard(c) for c in "abc"], 1)
    price = standard("price")
    # The columns of a category[n] keep their values apart in one id space: "0=red".
    kinds = {n: i for i, n in enumerate(fitted["sets"]["rows.kind"]["names"])}
    if name == "table":
        facts = torch.tensor([[fitted["sets"]["rows.facts"]["names"].index(f"{k}={r[c]}") for k, c in enumerate(("color", "size"))] for r in rows])
        net = TableModel(weights)
    else:
        net = sharing.Sharing(weights, name.removeprefix("sharing_"))

    def losses(batch):
        out = net(numbers[batch], facts[batch]) if name == "table" else net(numbers[batch])
        gold = torch.tensor([kinds[rows[i]["kind"]] for i in batch])
        sold = torch.tensor([float(rows[i]["sold"] == "yes") for i in batch])
        return dict(kind=F.cross_entropy(out["kind"], gold), price=F.mse_loss(out["price"][:, 0], price[batch]),
                    sold=F.binary_cross_entropy_with_logits(out["sold"][:, 0], sold))

    return train(net, losses, batches, 1e-3 if name == "table" else 1e-2)


def train(net, losses_of, batches, rate=1e-3):
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
    out = []
    for batch in batches:
        losses = losses_of(batch)
        out.append({t: float(v.detach()) for t, v in losses.items()})
        optimizer.zero_grad()
        (sum(losses.values()) + (net.penalty() if hasattr(net, "penalty") else 0.0)).backward()
        optimizer.step()
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("names", nargs="*", default=["bow", "table", "bilstm", "transformer"] + ["sharing_" + n for n in sharing.SCHEMES])
    ap.add_argument("--parity", default=os.path.join(HERE, "..", "..", "build", "bin", "parity"))
    ap.add_argument("--write", action="store_true")
    args = ap.parse_args()
    torch.manual_seed(1)
    bad = 0
    for name in args.names:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([args.parity, os.path.join(HERE, name + ".mtl"), "--out", folder], check=True)
            weights, fitted = read_safetensors(os.path.join(folder, "start.safetensors"))
            steps = json.load(open(os.path.join(folder, "steps.json")))
        losses_of = table_losses if name == "table" or name.startswith("sharing_") else text_losses
        theirs = losses_of(name, weights, fitted, steps["batches"])
        worst = max(abs(a[t] - b[t]) / abs(b[t]) for a, b in zip(steps["losses"], theirs) for t in b)
        bad += worst > 1e-4
        print(f"{name:12} {len(theirs)} steps, first {theirs[0]}, last {theirs[-1]}, largest relative difference {worst:.1e}")
        if args.write:
            os.makedirs(os.path.join(HERE, "golden"), exist_ok=True)
            with open(os.path.join(HERE, "golden", name + ".json"), "w", encoding="utf-8") as f:
                json.dump(theirs, f)
    sys.exit(1 if bad else 0)


main()
