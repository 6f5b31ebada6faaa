"""The schemes of std.sharing in PyTorch, written out from their papers: each is a function of the weights by path."""
import torch
import torch.nn.functional as F

TASKS = ("kind", "price", "sold")


def linear(w, path, x):
    return F.linear(x, w[path + ".weight"], w[path + ".bias"])


def mlp(w, path, x):
    return torch.relu(linear(w, path + ".hidden.0", x))


def cross_stitch(w, x):
    own = {t: x for t in TASKS}
    for i in range(2):
        made = [mlp(w, f"net.own@{t}.{i}", own[t]) for t in TASKS]
        own = {t: sum(a * m for a, m in zip(w[f"net.unit.{i}.part@{t}"], made)) for t in TASKS}
    return own


def ple(w, x):
    own, common = {t: x for t in TASKS}, x
    for l in range(2):
        mine = {t: [mlp(w, f"net.mine@{t}.{l}.{i}", own[t]) for i in range(2)] for t in TASKS}
        ours = [mlp(w, f"net.ours.{l}.0", common)]

        def mixed(path, by, experts):
            gate = torch.softmax(linear(w, path, by), 1)
            return (gate[:, :, None] * torch.stack(experts, 1)).sum(1)

        own = {t: mixed(f"net.gate@{t}.{l}.linear", own[t], mine[t] + ours) for t in TASKS}
        if l == 0:
            common = mixed("net.gate_all.0.linear", common, sum((mine[t] for t in TASKS), []) + ours)
    return own


def selectors(w, task):
    z = w[f"net.z@{task}"]
    s = torch.where(z <= -0.5, torch.zeros_like(z), torch.where(z >= 0.5, torch.ones_like(z), -2 * z**3 + 1.5 * z + 0.5))
    bits = [[(j >> b) & 1 for b in range(2)] for j in range(4)]
    return torch.stack([torch.prod(torch.where(torch.tensor(b) == 1, s, 1 - s), 1) for b in bits])  # expert, selector


def dselect_k(w, x):
    experts = torch.stack([mlp(w, f"net.expert.{i}", x) for i in range(4)], 1)
    return {t: (selectors(w, t) @ torch.softmax(w[f"net.w@{t}"], 0)) @ experts for t in TASKS}


def dselect_k_penalty(w):
    return sum(-0.01 * (selectors(w, t) * torch.log(selectors(w, t) + 1e-6)).sum() for t in TASKS)


def mtan(w, x):
    out = {}
    for t in TASKS:
        shared, seen = x, x
        for i in range(2):
            shared = mlp(w, f"net.common.{i}", shared)
            path = f"net.mask@{t}.{i}"
            seen = torch.sigmoid(linear(w, path + ".linear", mlp(w, path + ".mlp", torch.cat([shared, seen], 1)))) * shared
        out[t] = seen
    return out


def soft(w, x):
    return {t: mlp(w, f"net.own@{t}", x) for t in TASKS}


def private(w, x):
    return {t: mlp(w, f"net@{t}", x) for t in TASKS}


def copies(w, path):
    return [torch.stack([w[path.format(t) + end] for t in TASKS]) for end in (".hidden.0.weight", ".hidden.0.bias")]


def soft_penalty(w):
    return sum(0.05 * ((c - c.mean(0))**2).sum() for c in copies(w, "net.own@{}"))


def trace_norm_penalty(w):
    values = [torch.linalg.svdvals(c.flatten(1)) for c in copies(w, "net@{}")]
    return sum(0.02 * s[s > 1e-6 * s[0]].sum() for s in values)  # biases start at 0, where there is no gradient


def group_lasso_penalty(w):
    return sum(0.02 * torch.linalg.vector_norm(c, dim=0).sum() + 0.01 * (c - c.mean(0)).abs().sum()
               for c in copies(w, "net@{}"))


def shared_private(w, x):
    return {t: torch.cat([mlp(w, "net.common", x), mlp(w, f"net.own@{t}", x)], 1) for t in TASKS}


def shared_private_penalty(w):
    common = w["net.common.hidden.0.weight"]
    return sum(0.05 * ((common.T @ w[f"net.own@{t}.hidden.0.weight"])**2).sum() for t in TASKS)


def adapter(w, x):
    h, out = mlp(w, "net.mlp", x), {}
    for t in TASKS:
        a = "net.adapter."
        y = h + linear(w, f"{a}up@{t}", F.gelu(linear(w, f"{a}down@{t}.linear", h)))
        code = w[f"net.film.task_code@{t}"]
        out[t] = y * (1 + linear(w, "net.film.scale", code)) + linear(w, "net.film.shift", code)
    return out


SCHEMES = {"cross_stitch": (cross_stitch, None), "ple": (ple, None), "dselect_k": (dselect_k, dselect_k_penalty),
           "mtan": (mtan, None), "soft": (soft, soft_penalty), "trace_norm": (private, trace_norm_penalty),
           "group_lasso": (private, group_lasso_penalty), "shared_private": (shared_private, shared_private_penalty),
           "adapter": (adapter, None)}


class Sharing(torch.nn.Module):
    def __init__(self, weights, name):
        super().__init__()
        self.paths = list(weights)
        self.numbers = torch.nn.ParameterList([weights[path] for path in self.paths])
        self.scheme, self.of_weights = SCHEMES[name]

    def weights(self):
        return dict(zip(self.paths, self.numbers))

    def forward(self, numbers):
        w = self.weights()
        h = self.scheme(w, numbers)
        return {t: linear(w, f"{t}.linear", h[t]) for t in TASKS}

    def penalty(self):
        return self.of_weights(self.weights()) if self.of_weights else 0.0
