"""Writes the golden values of the row losses: rows-mpmath.json (rows, exact) and rows-torch.json (batches, PyTorch).

    python3 test/golden/rows.py

As generate.py, whose helpers it uses: the formulas are derived from the definitions, never from this package's code,
and every draw is seeded, so a second run writes the same bytes. README.md tells how to read the files.
"""

import json
import math
from itertools import accumulate
from random import Random

import torch
import torch.nn.functional as F
from mpmath import mp, mpf
from torch.distributions import Normal, kl_divergence

from formulas import inverse, log, times
from generate import FLOAT32, FLOAT64, grid, nearest, number, result, row, sweep, write

# Losses. Each takes one row and gives its value, gradient and second derivatives, and in `scale` what an error is
# measured by where terms of opposite sign cancel.


def others(values):
    """For each value the sum of the rest, all of them ≥ 0: nothing cancels, as it would in total − value."""
    before = list(accumulate(values, initial=mpf(0)))
    after = list(accumulate(values[::-1], initial=mpf(0)))[::-1]
    return [a + b for a, b in zip(before, after[1:])]


def softmax(x, temperature=1):
    """Of each class p, 1 − p and −log p = log(1 + Σ_{j≠k} e^{x_j − x_k}), none of them by a difference."""
    top = max(x)
    e = [mp.exp((v - top) / temperature) for v in x]
    total, rest = sum(e), others(e)
    surprise = [mp.log1p(r / v) if v else mpf("inf") for v, r in zip(e, rest)]
    return [v / total for v in e], [r / total for r in rest], surprise


def slopes(tau, p, q):
    """T p_k − τ_k = (T − τ_k) p_k − τ_k (1 − p_k): the results and the larger terms."""
    terms = [[o * a, -t * b] for t, o, a, b in zip(tau, others(tau), p, q)]
    grad, scale = zip(*map(result, terms))
    return list(grad), list(scale)


def curvature(tau, p, q):
    total = sum(tau)
    return [total * a * b for a, b in zip(p, q)]


def excess(p, q):
    """p log(p/q) − p + q ≥ 0: the term of a divergence without what cancels where Σp = Σq."""
    return times(p, log(p) - log(q)) - p + q


def softmax_cross_entropy(x, y, labelSmoothing=mpf(0), classWeights=None):
    """y: a class or soft targets."""
    C, soft = len(x), isinstance(y, list)
    target = y if soft else [mpf(c == y) for c in range(C)]
    smooth = [(1 - labelSmoothing) * t + labelSmoothing / C for t in target]
    tau = [w * t for w, t in zip(classWeights or [mpf(1)] * C, smooth)]
    p, q, surprise = softmax(x)
    grad, scale = slopes(tau, p, q)
    value = sum(times(t, s) for t, s in zip(tau, surprise))
    exact = {"value": value, "grad": grad, "hess": curvature(tau, p, q)}
    # The two terms of a one-hot target are never both there.
    return {**exact, "scale": {"grad": scale}} if soft or labelSmoothing else exact


def divergence(q, p, epsilon=mpf(1e-7)):
    """Of q from p. An absent class (p = 0) contributes nothing, even where q = 0."""
    q = [max(v, epsilon) for v in q]
    terms = [times(a, log(a) - log(b)) for a, b in zip(p, q)]
    value, _ = result(terms)
    apart = sum(excess(a, b) for a, b in zip(p, q)) + abs(sum(p) - sum(q))
    return {
        "value": value,
        "grad": [times(a, -inverse(b)) for a, b in zip(p, q)],
        "hess": [times(a, inverse(b) ** 2) for a, b in zip(p, q)],
        "scale": {"value": min(sum(map(abs, terms)), apart)},
    }


def divergence_with_logits(x, p):
    q, rest, surprise = softmax(x)
    terms = [times(a, log(a) + s) for a, s in zip(p, surprise)]
    value, _ = result(terms)
    grad, scale = slopes(p, q, rest)
    apart = min(sum(map(abs, terms)), sum(excess(a, b) for a, b in zip(p, q)) + abs(sum(p) - 1))
    return {
        "value": value,
        "grad": grad,
        "hess": curvature(p, q, rest),
        "scale": {"value": max(apart, mp.sqrt(apart)), "grad": scale},
    }


def distillation(x, t, temperature=mpf(1)):
    """
    With q = softmax(x/T), p = softmax(t/T) and ∂ log q_c / ∂x_k = ([c = k] − q_k) / T:
    ∂/∂x_k T² Σ p_c (log p_c − log q_c) = T (q_k − p_k), and ∂q_k / ∂x_k = q_k (1 − q_k) / T.
    """
    T = temperature
    q, rest_q, surprise_q = softmax(x, T)
    p, rest_p, surprise_p = softmax(t, T)
    value, _ = result([T**2 * times(a, r - s) for a, r, s in zip(p, surprise_q, surprise_p)])
    # q − p = (1 − p) − (1 − q), where these are the smaller ones.
    pairs = [(b, a) if a + b < 1 else (c, d) for a, b, c, d in zip(p, q, rest_p, rest_q)]
    return {
        "value": value,
        "grad": [T * result([a, -b])[0] for a, b in pairs],
        "hess": [a * b for a, b in zip(q, rest_q)],
        "scale": {"value": max(value, mp.sqrt(value)), "grad": [T * max(a, b) for a, b in zip(p, q)]},
    }


def gaussian(mean, log_variance):
    """The divergence of N(μ, e^l) from N(0, 1), the dimensions independent."""
    ends = [(mp.expm1(l), mp.exp(l)) for l in log_variance]
    return {
        "value": sum(m**2 + (e - l) for m, l, (e, _) in zip(mean, log_variance, ends)) / 2,
        "grad": {"mean": mean, "logVariance": [e / 2 for e, _ in ends]},
        "hess": {"mean": [mpf(1)] * len(mean), "logVariance": [v / 2 for _, v in ends]},
    }


LOSSES = {
    "softmaxCrossEntropy": softmax_cross_entropy,
    "klDivergence": divergence,
    "klDivergenceWithLogits": divergence_with_logits,
    "distillation": distillation,
    "gaussianKl": gaussian,
}


def exactly(name, x, y, options, type):
    """The options take effect rounded to the type, as the inputs are."""
    wide = lambda v: [mpf(type.round(e)) for e in v] if isinstance(v, (list, tuple)) else mpf(type.round(v))
    given = {k: wide(v) for k, v in options.items() if k not in ("ignoreIndex", "latent")}
    return LOSSES[name](wide(x), y if isinstance(y, int) else wide(y), **given)


def check_derivatives():
    """The formulas of the gradients against differences of the values, for every option."""
    x, y = [0.5, -1.25, 2.0], [0.5, 0.25, 0.125]
    weights = {"classWeights": [0.5, 2.5, 0.75]}
    for name, target, options in (
        ("softmaxCrossEntropy", 1, {}),
        ("softmaxCrossEntropy", 0, {"labelSmoothing": 0.25, **weights}),
        ("softmaxCrossEntropy", y, {"labelSmoothing": 0.5, **weights}),
        ("klDivergenceWithLogits", y, {}),
        ("distillation", y, {"temperature": 1}),
        ("distillation", y, {"temperature": 4.5}),
        ("klDivergence", x, {"epsilon": 0.0625}),
        ("gaussianKl", x, {}),
    ):
        if name == "klDivergence":
            inputs, target = list(y), [0.25, 0.0, 0.5]
        elif name == "gaussianKl":
            inputs = x + y
        else:
            inputs = x

        def along(k, v, of=None):
            moved = [mpf(e) for e in inputs]
            moved[k] = v
            given = {o: [mpf(e) for e in w] if isinstance(w, list) else mpf(w) for o, w in options.items()}
            if name == "gaussianKl":
                return gaussian(moved[:3], moved[3:])
            return LOSSES[name](moved, target if isinstance(target, int) else [mpf(e) for e in target], **given)

        for k, v in enumerate(inputs):
            exact = along(k, mpf(v))
            for order, key in enumerate(("grad", "hess"), 1):
                stated = exact[key]
                if isinstance(stated, dict):
                    stated = stated["mean"] + stated["logVariance"]
                differed = mp.diff(lambda v: along(k, v)["value"], mpf(v), order)
                assert abs(differed - stated[k]) < mpf("1e-50"), (name, options, key, k)


# Inputs. Rows of logits come with a class that stands out: a label for it, and the one that targets may prefer.

SIZES = 1, 2, 3, 5, 10, 33, 67
OFFSETS = 1e4, -1e4, 30, -30, 300, -300, 1000.3, -1000.3
WEIGHTS = [0.5, 2, 0, 1.3, 0.7]


def few(C):
    return 5 if C < 20 else 3 if C < 50 else 2


def normals(r, C, spread=3.0):
    return [r.gauss(0, spread) for _ in range(C)]


def another(r, C, k):
    return (k + 1 + r.randrange(C - 1)) % C


def confident(r, C, gaps):
    """One class leads all others by the gap: once it is the label, once another is."""
    rows = []
    for gap in gaps:
        for hit in (True, False):
            x, top = normals(r, C), r.randrange(C)
            x[top] = max(v for c, v in enumerate(x) if c != top) + gap
            rows.append((x, top if hit else another(r, C, top)))
    return rows


def wide(r, span):
    rows = [([r.uniform(-span, span) for _ in range(10)], r.randrange(10)) for _ in range(5)]
    for top in sorted({60.1, span * 6 / 7}):
        for k in (0, 1, 7):
            rows.append(([top, 0.1234] + normals(r, 4, 0.3) + normals(r, 2, 1e-3) + normals(r, 2, 20), k))
    return rows


def ties(r):
    rows = []
    for labels in ((0, 1, 4), (2, 3, 0)):
        x = normals(r, 5)
        x[labels[0]] = x[labels[1]] = max(x) + 0.7
        rows += [(x, k) for k in labels]
    return rows + [([v] * 5, k) for v, k in ((0.0, 0), (1234.5, 4), (-7.7, 2))]


def without(r):
    """Some classes are out of the question, in the last row all but one."""
    rows = []
    for gone in (1, 1, 2, 3, 4, 5):
        x, order = normals(r, 6), r.sample(range(6), 6)
        for c in order[:gone]:
            x[c] = -math.inf
        rows.append((x, order[-1]))
    return rows


def magnitude(r):
    rows = []
    for i in range(6):
        x = [r.uniform(-1e4, 1e4) for _ in range(10)]
        top = x.index(max(x))
        rows.append((x, top if i % 2 else another(r, 10, top)))
    return rows


def subnormal(r, ends):
    """All classes but one have probabilities that are subnormal or just above or below."""
    rows = []
    for i in range(8):
        top = r.randrange(5)
        x = [0.0 if c == top else -r.uniform(*ends) for c in range(5)]
        rows.append((x, top if i % 2 else another(r, 5, top)))
    return rows


def large(r, gap=0):
    """Short numbers, for the size of the file."""
    x, k = confident(r, 1000, [gap])[0] if gap else (normals(r, 1000), 0)
    return [round(v * 64) / 64 for v in x], k


def pools(type):
    narrow = type is FLOAT32
    gaps = (5, 10, 16, 20, 30) if narrow else (20, 40, 80, 300)
    span, ends = (90, (87, 105)) if narrow else (700, (708, 746))
    for C in SIZES:
        yield "random", C, lambda r: [(normals(r, C), r.randrange(C)) for _ in range(few(C))]
    for C in (2, 5):
        yield "confident", C, lambda r: confident(r, C, gaps)
    yield "confident", 17, lambda r: confident(r, 17, gaps[1::2])
    for offset in OFFSETS:
        moved = lambda r: [([v + offset for v in x], k) for x, k in confident(r, 5, gaps[::2])]
        yield f"offset {offset:g}", 5, moved
    yield "wide", 10, lambda r: wide(r, span)
    yield "ties", 5, ties
    yield "minus infinity", 6, without
    yield "magnitude", 10, magnitude
    yield "subnormal", 5, lambda r: subnormal(r, ends)


def at_options(r, type):
    """Sure and unsure rows; every class is a label once."""
    gaps = (5, 20) if type is FLOAT32 else (20, 80)
    return [(normals(r, 5), k) for k in range(5)] + confident(r, 5, gaps)


def rounded(type, values):
    return [type.round(v) for v in values]


def normalised(values):
    total = math.fsum(values)
    return [v / total for v in values]


def shares(x):
    top = max(x)
    return normalised([math.exp(v - top) for v in x])


def near(r, p, delta):
    return normalised([max(v * (1 + delta * r.gauss(0, 1)), 0.0) for v in p])


def target(r, x, k, kind):
    C = len(x)
    p = shares(normals(r, C, 1.5))
    if kind == 0:
        return p
    if kind == 1:  # Where the gradient's terms cancel.
        return near(r, shares(x), 10 ** r.uniform(-6, -1))
    if kind == 2:
        return [float(c == k) for c in range(C)]
    if kind == 3:
        return normalised([v if c == k or r.random() < 0.5 else 0.0 for c, v in enumerate(p)])
    if kind == 4:  # The sum may be anything.
        factor = r.uniform(0.2, 3)
        return [factor * v for v in p]
    return [0.9 * (c == k) + 0.1 * v for c, v in enumerate(p)]


def with_targets(draw, type):
    """Soft targets of all kinds in turn, none for a class that is out of the question."""

    def rows(r):
        first = r.randrange(6)
        for i, (x, k) in enumerate(draw(r)):
            x = rounded(type, x)
            y = target(r, x, k, (first + i) % 6)
            yield x, [t if v > -math.inf else 0.0 for v, t in zip(x, y)]

    return rows


def with_teachers(draw, type):
    """Teachers that agree, nearly agree or do not, and know no class that is out of the question for the student."""

    def rows(r):
        first = r.randrange(4)
        for i, (x, k) in enumerate(draw(r)):
            x, kind = rounded(type, x), (first + i) % 4
            if kind == 0 and min(x) > -math.inf:
                t = r.sample(x, len(x))
            elif kind == 1 and min(x) > -math.inf:
                t = normals(r, len(x))
                t[k] += 7
            else:
                t = [v + r.gauss(0, (2, 1, 1, 1e-3)[kind]) for v in x]
                if i % 2 and sum(v > -math.inf for v in x) > 1 and min(x) == -math.inf:
                    t[k] = -math.inf
            yield x, t

    return rows


def cross_entropy_cases(type):
    name = "softmaxCrossEntropy"
    for category, C, draw in pools(type):
        yield name, category, {}, C, draw
    for gap in (0, 16 if type is FLOAT32 else 40):
        yield name, "large " + ("confident" if gap else "random"), {}, 1000, lambda r: [large(r, gap)]
    for category, C, draw in pools(type):
        yield name, "soft " + category, {}, C, with_targets(draw, type)
    r = Random("class weights")
    long = [round(r.uniform(0.1, 3), 2) for _ in range(33)]
    plain = lambda r: at_options(r, type)
    more = lambda r: [(normals(r, 33), r.randrange(33)) for _ in range(2)]
    for options, other in (
        ({"labelSmoothing": 0.1}, {"labelSmoothing": 0.1}),
        ({"labelSmoothing": 1}, None),
        ({"classWeights": WEIGHTS}, {"classWeights": long}),
        ({"labelSmoothing": 0.1, "classWeights": WEIGHTS}, {"labelSmoothing": 0.1, "classWeights": long}),
        ({"labelSmoothing": 1, "classWeights": WEIGHTS}, None),
    ):
        for C, given, draw in ((5, options, plain), (33, other, more)):
            if given:
                yield name, "options", given, C, draw
                yield name, "soft options", given, C, with_targets(draw, type)


def deltas(type):
    return (1e-3, 1e-5) if type is FLOAT32 else (1e-3, 1e-5, 1e-8)


def distributions(r, C, spread=1.5):
    return shares(normals(r, C, spread)), shares(normals(r, C, spread))


def sparse(r):
    """Most classes are absent."""
    return [grid(v) for v in shares(normals(r, 1000, 2))]


def with_zeros(r, q, p, which):
    """Some entries are 0 in the prediction, the target or both, the others sum to 1."""
    C = len(q)
    gone = set(r.sample(range(C), r.randrange(1, C)))
    kept = lambda v: normalised([0.0 if c in gone else e for c, e in enumerate(v)])
    return kept(q) if "q" in which else q, kept(p) if "p" in which else p


def peaked(r, C):
    """Nearly all on one class, or on one each."""
    rows = []
    for small in (1e-2, 1e-4, 1e-6, 1e-10):
        for same in (True, False):
            k = r.randrange(C)
            at = k, k if same else another(r, C, k)
            rows.append([[(1 - small) * (c == a) + small * v for c, v in enumerate(shares(normals(r, C)))] for a in at])
    return rows


def divergence_cases(type):
    name = "klDivergence"
    usual, none = {"epsilon": 1e-7}, {"epsilon": 0}
    for C in SIZES:
        yield name, "random", usual, C, lambda r: [distributions(r, C) for _ in range(few(C))]
    for delta in deltas(type):
        for C in (2, 5, 11):

            def draw(r):
                for _ in range(few(C)):
                    p, _ = distributions(r, C)
                    yield near(r, p, delta), p

            yield name, f"near {delta:g}", usual, C, draw
    far = lambda r: [distributions(r, 5, 8) for _ in range(8)]
    yield name, "far", usual, 5, far
    yield name, "far", none, 5, far
    yield name, "far", {"epsilon": 0.01}, 5, far
    for which in ("p", "q", "pq"):
        zeros = lambda r: [with_zeros(r, *distributions(r, 5), which) for _ in range(6)]
        yield name, f"zeros in {which}", usual, 5, zeros
        # Infinite where q = 0 alone.
        yield name, f"zeros in {which}", none, 5, zeros

    def unnormalised(r):
        for i in range(8):
            q, p = distributions(r, 5)
            factor, other = r.uniform(0.2, 3), r.uniform(0.3, 1) if i % 2 else 1
            yield [other * v for v in q], [factor * v for v in p]

    yield name, "unnormalised", usual, 5, unnormalised
    yield name, "unnormalised", none, 5, unnormalised
    yield name, "zero target", usual, 5, lambda r: [(q, [0.0] * 5) for q, _ in (distributions(r, 5) for _ in range(3))]
    for options in (usual, none):
        yield name, "peaked", options, 5, lambda r: peaked(r, 5)
    yield name, "peaked", usual, 17, lambda r: peaked(r, 17)[::3]

    def tiny(r):
        """Quotients of subnormal, small and ordinary numbers: some overflow, most must not."""
        for _ in range(10):
            small = list(sweep(r, type, 5, type.lowest, type.lowest // 4))
            p, q = r.sample(small, 4) + [r.random()], r.sample(small, 4) + [r.random()]
            yield r.sample(q, 5), p

    yield name, "subnormal", none, 5, tiny
    yield name, "subnormal", usual, 5, tiny
    yield name, "large random", usual, 1000, lambda r: [(shares(normals(r, 1000)), sparse(r))]


def divergence_with_logits_cases(type):
    name = "klDivergenceWithLogits"
    for category, C, draw in pools(type):
        yield name, category, {}, C, with_targets(draw, type)
    for delta in deltas(type):
        for C in (2, 5, 11):

            def draw(r):
                for _ in range(few(C)):
                    x = rounded(type, normals(r, C))
                    yield x, near(r, shares(x), delta)

            yield name, f"near {delta:g}", {}, C, draw
    yield name, "zero target", {}, 5, lambda r: [(normals(r, 5), [0.0] * 5) for _ in range(3)]
    yield name, "large random", {}, 1000, lambda r: [(large(r)[0], sparse(r))]


def distillation_cases(type):
    name = "distillation"
    for category, C, draw in pools(type):
        yield name, category, {"temperature": 1}, C, with_teachers(draw, type)
    usual = ("random", 5), ("confident", 2)
    special = *usual, ("wide", 10), ("magnitude", 10), ("minus infinity", 6)
    for temperature, chosen in ((2, usual), (4.5, special), (0.5, special)):
        for category, C, draw in pools(type):
            if (category, C) in chosen:
                yield name, category, {"temperature": temperature}, C, with_teachers(draw, type)
    for temperature in (1, 4.5):
        for delta in deltas(type):
            for C in (2, 5, 11) if temperature == 1 else (3,):

                def draw(r):
                    for _ in range(few(C)):
                        x = normals(r, C)
                        yield x, [v + r.gauss(0, delta) for v in x]

                yield name, f"near {delta:g}", {"temperature": temperature}, C, draw

    def shifted(r):
        # The first ones exactly, where all is 0; the others as far as rounding lets them.
        for i, by in enumerate((3, -1000, 1e-3, 5.3, -30.7, 1000.3, -1e4)):
            x = [grid(v) if i < 2 else v for v in normals(r, 5)]
            yield x, [v + by for v in x]

    for temperature in (1, 2, 4.5, 0.5):
        yield name, "shifted", {"temperature": temperature}, 5, shifted
    yield name, "large random", {"temperature": 1}, 1000, lambda r: [(large(r)[0], large(r)[0])]


def gaussian_cases(type):
    name, narrow = "gaussianKl", type is FLOAT32
    small = lambda r, C: [r.choice((-1, 1)) * 10 ** -r.uniform(2.5, 8.5) for _ in range(C)]
    for C in SIZES:
        yield name, "random", {}, C, lambda r: [(normals(r, C, 1), normals(r, C, 1)) for _ in range(few(C))]
    one = [s * 10.0**-k for k in range(1, 9) for s in (1, -1)]
    yield name, "near 0", {}, 1, lambda r: [([0.0], [v * r.uniform(1, 2)]) for v in one]
    yield name, "near 0", {}, 6, lambda r: [([0.0] * 6, small(r, 6)) for _ in range(4)]
    yield name, "near 0", {}, 6, lambda r: [(small(r, 6), small(r, 6)) for _ in range(6)]
    yield name, "zero", {}, 3, lambda r: [([0.0] * 3, [0.0] * 3), ([0.0, 1e-3, 0.0], [0.0] * 3)]
    span = 80 if narrow else 700
    yield name, "wide", {}, 5, lambda r: [(normals(r, 5), [r.uniform(-span, span) for _ in range(5)]) for _ in range(8)]
    yield name, "wide", {}, 1, lambda r: [([r.gauss(0, 1)], [s * span * f]) for f in (0.2, 0.5, 1) for s in (1, -1)]
    means = [s * 10.0**k for k in range(-20, 16, 5) for s in (1, -1)]
    yield name, "mean", {}, 1, lambda r: [([v * r.uniform(1, 2)], [0.0]) for v in means]
    any_size = lambda r, C: [r.choice((-1, 1)) * 10 ** r.uniform(-20, 15) for _ in range(C)]
    yield name, "mean", {}, 5, lambda r: [(any_size(r, 5), small(r, 5)) for _ in range(6)]
    # e^l subnormal, then nothing.
    low = (-86, -88, -95, -102, -103.5, -105, -1e4) if narrow else (-707, -709, -730, -744, -745.5, -747, -1e4)
    yield name, "subnormal", {}, 1, lambda r: [([0.0], [v]) for v in low]
    # Around the overflow of e^l, ½e^l, μ² and ½μ²: each result is infinite for itself.
    high = (88.5, 88.75, 89.4, 89.43) if narrow else (709.5, 709.8, 710.46, 710.49)
    top = (1.8e19, 1.9e19, 2.6e19, 2.7e19) if narrow else (1.3e154, 1.35e154, 1.89e154, 1.91e154)
    yield name, "overflow", {}, 1, lambda r: [([0.5], [v]) for v in high] + [([v], [0.5]) for v in top]


def text(v):
    if isinstance(v, dict):
        return "{" + ",".join(f'"{k}":{text(e)}' for k, e in v.items()) + "}"
    return row(v) if isinstance(v, list) else number(v)


def doubles(v, type):
    if isinstance(v, dict):
        return {k: doubles(e, type) for k, e in v.items()}
    return [nearest(e, type) for e in v] if isinstance(v, list) else nearest(v, type)


def brief(v):
    """A scale needs no more than a few digits."""
    if isinstance(v, dict):
        return {k: brief(e) for k, e in v.items()}
    return [brief(e) for e in v] if isinstance(v, list) else float(f"{v:.4g}")


def exact_file():
    entries, count = [], 0
    families = (
        cross_entropy_cases, divergence_cases, divergence_with_logits_cases, distillation_cases, gaussian_cases
    )
    for family in families:
        for type in (FLOAT32, FLOAT64):
            for name, category, options, C, draw in family(type):
                head = {"loss": name, "type": type.name, "category": category, "options": options, "classes": C}
                head = json.dumps(head, separators=(",", ":"))
                rows = []
                for x, y in draw(Random(head)):
                    x, y = rounded(type, x), y if isinstance(y, int) else rounded(type, y)
                    given = {"x": x, "label" if isinstance(y, int) else "y": y}
                    results = doubles(exactly(name, x, y, options, type), type)
                    if "scale" in results:
                        results["scale"] = brief(results["scale"])
                    rows.append(text({**given, **results}))
                entries.append(head[:-1] + ',"rows":[\n' + ",\n".join(rows) + "\n]}")
                count += len(rows)
    write("rows-mpmath.json", entries, f"{len(entries)} cases, {count} rows")


# PyTorch: whole batches, reduced and weighted.

N = 7
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6}


def torch_cross_entropy(labelSmoothing=0.0, classWeights=None, ignoreIndex=-100):
    def of(x, y, reduction):
        weight = None if classWeights is None else torch.tensor(classWeights, dtype=x.dtype)
        options = {"weight": weight, "label_smoothing": labelSmoothing, "ignore_index": ignoreIndex}
        if weight is not None and y.is_floating_point() and reduction == "mean":
            # PyTorch divides the weighted sum of soft targets by N, this package by Σ_i Σ_c w_c t_ic.
            return F.cross_entropy(x, y, **options, reduction="sum") / (y @ weight).sum()
        # The mean over indices is divided by Σ w_y of the rows that count, smoothed or not, in both.
        return F.cross_entropy(x, y, **options, reduction=reduction)

    return of


def torch_divergence(log_q):
    """Of log q(x): F.kl_div, whose "batchmean" is the mean of the rows."""

    def of(x, y, reduction):
        q = log_q(x)
        if reduction == "none":
            return F.kl_div(q, y, reduction="none").sum(1)
        return F.kl_div(q, y, reduction="batchmean" if reduction == "mean" else reduction)

    return of


def torch_distillation(temperature=1):
    """Hinton et al. (2015): the divergence of the softened distributions, times T²."""
    T, log_softmax = temperature, torch.log_softmax

    def of(x, t, reduction):
        return T**2 * torch_divergence(lambda x: log_softmax(x / T, 1))(x, torch.softmax(t / T, 1), reduction)

    return of


def torch_gaussian(latent):
    reduce = {"none": lambda v: v, "mean": torch.mean, "sum": torch.sum}

    def of(mean, log_variance, reduction):
        prior = Normal(torch.zeros_like(mean), torch.ones_like(mean))
        return reduce[reduction](kl_divergence(Normal(mean, torch.exp(log_variance / 2)), prior).sum(1))

    return of


def torch_cases():
    eighths = {5: [0.5, 2, 0, 1.25, 0.75], 11: [0.125, 1, 2.5, 0.75, 1.5, 0.25, 1, 3, 0.5, 1.125, 2]}
    smooth = {"labelSmoothing": 0.125}
    for C in (5, 11):
        weights = {"classWeights": eighths[C]}
        yield "softmaxCrossEntropy", {}, C, "index", torch_cross_entropy
        yield "softmaxCrossEntropy", {}, C, "soft", torch_cross_entropy
        yield "softmaxCrossEntropy", weights, C, "index", torch_cross_entropy
        yield "softmaxCrossEntropy", smooth if C == 5 else weights, C, "soft", torch_cross_entropy
        yield "softmaxCrossEntropy", {**smooth, **weights}, C, "index", torch_cross_entropy
        if C == 5:
            yield "softmaxCrossEntropy", smooth, C, "index", torch_cross_entropy
            yield "softmaxCrossEntropy", {**smooth, **weights}, C, "soft", torch_cross_entropy
            # A class of its own, and what would be an error elsewhere.
            for ignored in (2, -100):
                yield "softmaxCrossEntropy", {"ignoreIndex": ignored}, C, "index", torch_cross_entropy
            yield "softmaxCrossEntropy", {**smooth, **weights, "ignoreIndex": 255}, C, "index", torch_cross_entropy
        else:
            yield "softmaxCrossEntropy", {**weights, "ignoreIndex": -1}, C, "index", torch_cross_entropy
        yield "klDivergence", {}, C, "probability", lambda: torch_divergence(torch.log)
        yield "klDivergenceWithLogits", {}, C, "soft", lambda: torch_divergence(lambda x: torch.log_softmax(x, 1))
        for temperature in (1, 2, 4.5) if C == 5 else (0.5, 2):
            yield "distillation", {"temperature": temperature}, C, "logit", torch_distillation
        yield "gaussianKl", {"latent": C}, C, "gaussian", torch_gaussian


def batch(kind, name, options, C, r):
    """Rows on the grid of 1/1024 at which float32 keeps its digits: no terms that nearly cancel."""
    rows, span = [], 2 * max(1, options.get("temperature", 1))
    while len(rows) < N:
        away = lambda: r.choice((-1, 1)) * grid(r.uniform(0.5, 2))
        logits = lambda: [grid(r.uniform(-span, span)) for _ in range(C)]
        distribution = lambda: [grid(0.02 + v * (1 - 0.02 * C)) for v in shares(normals(r, C, 1))]
        x = [away() for _ in range(C)] if kind == "gaussian" else distribution() if kind == "probability" else logits()
        if kind == "index":
            y = r.randrange(C)
        elif kind == "gaussian":
            y = [away() for _ in range(C)]
        elif kind == "logit":
            y = logits()
        else:
            y = distribution()
            if len(rows) % 3 == 2:
                # An absent class, and a sum that is not 1.
                y[r.randrange(C)] = 0.0
        ignored = kind == "index" and "ignoreIndex" in options and len(rows) in (1, 4)
        exact = exactly(name, x, y, options, FLOAT64)
        scale = exact.get("scale", {})
        cancels = [abs(g) < 0.15 * s for g, s in zip(exact["grad"], scale.get("grad", []))]
        if name in ("klDivergence", "klDivergenceWithLogits"):
            cancels.append(abs(exact["value"]) < 0.1)
        if not any(cancels):
            rows.append((x, options["ignoreIndex"] if ignored else y))
    return rows, [round(16 * r.random()) / 8 * (i != 4) for i in range(N)]


def class_weight(y, weights):
    if weights is None:
        return mpf(1)
    return mpf(weights[y]) if isinstance(y, int) else sum(mpf(w) * t for w, t in zip(weights, y))


def exact_batch(name, rows, options, weights, reduction):
    """The same from the exact rows: Σwℓ, or Σwℓ / Σ w·(class weight of the row)."""
    parts, mass = {"value": [], "grad": [], "hess": []}, mpf(0)
    for (x, y), weight in zip(rows, weights or [1] * N):
        w = mpf(weight)
        if y == options.get("ignoreIndex", "none"):
            y, w = 0, mpf(0)
        exact = exactly(name, x, y, options, FLOAT64)
        mass += w * class_weight(y, options.get("classWeights"))
        for key, of_all in parts.items():
            v = exact[key]
            each = v["mean"] + v["logVariance"] if isinstance(v, dict) else v if isinstance(v, list) else [v]
            of_all += [w * e for e in each]
    if reduction != "none":
        parts["value"] = [sum(parts["value"])]
    return {key: [v / mass for v in of_all] if reduction == "mean" else of_all for key, of_all in parts.items()}


def torch_case(name, options, C, kind, loss, rows, weights, reduction, dtype):
    """One case, and whether PyTorch is accurate at it."""
    latent, index = kind == "gaussian", kind == "index"
    tensor = lambda v: torch.tensor(v, dtype=dtype)
    inputs = tensor([x + y if latent else x for x, y in rows])
    targets = [y for _, y in rows]
    y = torch.tensor(targets) if index else tensor(targets)
    of = loss(**options)

    def by_reduction(x, reduction):
        return of(x[:, :C], x[:, C:], reduction) if latent else of(x, y, reduction)

    def reduced(x):
        if weights is None:
            return by_reduction(x, reduction)
        each = tensor(weights) * by_reduction(x, "none")
        return each.sum() / divisor if reduction == "mean" else each.sum()

    # What stands in the denominator of a weighted mean.
    share = torch.ones(N, dtype=dtype)
    if index:
        counted = y != options.get("ignoreIndex", -100)
        share = counted * tensor(options.get("classWeights", [1] * C))[torch.where(counted, y, 0)]
    elif "classWeights" in options:
        share = y @ tensor(options["classWeights"])
    divisor = weights and (tensor(weights) * share).sum()

    results = {
        "value": reduced(inputs),
        "grad": torch.autograd.functional.jacobian(lambda x: reduced(x).sum(), inputs),
    }
    if dtype == torch.float64:
        hessian = torch.autograd.functional.hessian(lambda x: reduced(x).sum(), inputs)
        results["hess"] = hessian.reshape(inputs.numel(), -1).diagonal().view_as(inputs)
    exact = exact_batch(name, rows, options, weights, reduction)
    accurate = all(
        abs(mpf(a) - b) <= TOLERANCE[dtype] / 2 * abs(b)
        for key, v in results.items()
        for a, b in zip(v.reshape(-1).tolist(), exact[key])
    )

    def listed(key, v):
        v = v + 0.0  # Without the sign of a zero.
        if key == "value":
            return v.tolist()
        halves = {"mean": v[:, :C], "logVariance": v[:, C:]}
        return {k: h.flatten().tolist() for k, h in halves.items()} if latent else v.flatten().tolist()

    return accurate, {
        "loss": name, "type": str(dtype)[6:], "options": options, "classes": C, "reduction": reduction,
        "x": inputs[:, :C].flatten().tolist(), "labels" if index else "y": y.flatten().tolist(), "weights": weights,
        **{key: listed(key, v) for key, v in results.items()},
    }


def torch_file():
    torch.set_num_threads(1)
    lines = []
    for name, options, C, kind, loss in torch_cases():
        # Drawn again until PyTorch is within half of the tolerances in every number.
        for attempt in range(100):
            rows, weights = batch(kind, name, options, C, Random(f"{name} {options} {C} {kind} {attempt}"))
            accurate, cases = zip(*(
                torch_case(name, options, C, kind, loss, rows, weights if weighted else None, reduction, dtype)
                for dtype in (torch.float64, torch.float32)
                for weighted, reduction in ((False, "mean"), (True, "mean"), (True, "sum"), (False, "none"))
            ))
            if all(accurate):
                break
        else:
            raise ArithmeticError(f"PyTorch is never accurate at {name} {options}")
        for case in cases:
            line = json.dumps(case, separators=(",", ":"), allow_nan=False)
            lines.append(line.replace(".0,", ",").replace(".0]", "]"))
    write("rows-torch.json", lines, f"{len(lines)} cases")


if __name__ == "__main__":
    check_derivatives()
    exact_file()
    torch_file()
