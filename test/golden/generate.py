"""Writes the golden values: mpmath-<loss>.json (points, exact) and torch.json (whole arrays, PyTorch).

    python3 test/golden/generate.py

Needs Debian's python3-mpmath and python3-torch. The formulas, of formulas.py, stand there a third time on purpose. Every
draw is seeded, so a second run writes the same bytes. README.md tells how to read the files.
"""

import json
import math
import os
from fractions import Fraction
from random import Random

import numpy
import torch
import torch.nn.functional as F
from mpmath import mp, mpf

from formulas import bce, bce_with_logits, charbonnier, focal, focal_with_logits, huber, log_cosh, mae, mse

# No formula cancels, except sums of terms: 400 digits are enough to see to which side of a tie an input of 5e-324 moves
# a result. Nearer ties (0.75 (x + e^−x) at x = 1509) go to even.
mp.dps = 400
HERE = os.path.dirname(os.path.abspath(__file__))


# Element types

class Type:
    def __init__(self, name, digits, lowest, top):
        self.name, self.digits, self.lowest, self.top = name, digits, lowest, top
        self.scalar = numpy.dtype(name).type
        self.smallest = math.ldexp(1, lowest)
        self.normal = math.ldexp(1, lowest + digits - 1)
        self.largest = math.ldexp(2 - math.ldexp(1, 1 - digits), top)
        # From here on the nearest value is infinite: half a unit above the largest.
        self.overflow = (2 - Fraction(1, 2**digits)) * 2**top

    def round(self, v):
        return float(self.scalar(v))

    def step(self, v, direction):
        return float(numpy.nextafter(self.scalar(v), self.scalar(direction)))


FLOAT32 = Type("float32", 24, -149, 127)
FLOAT64 = Type("float64", 53, -1074, 1023)


def nearest(v, type):
    """The float64 nearest to v (rounded once, subnormals too), infinite where v rounds so in `type`."""
    if mp.isinf(v):
        return math.copysign(math.inf, v)
    if v == 0:
        return 0.0
    magnitude = mp.mag(v)
    if magnitude > 1100:
        return math.copysign(math.inf, v)
    if magnitude < -1100:
        return 0.0
    sign, mantissa, exponent, _ = v._mpf_
    exact = Fraction(int(mantissa)) * Fraction(2) ** exponent
    result = math.inf if exact >= type.overflow else exact.numerator / exact.denominator
    return -result if sign else result


def result(terms):
    total, largest = sum(terms), max(abs(t) for t in terms)
    # Doubles cannot come nearer to one another than this without being equal: the rest is the rounding of mpmath.
    return (mpf(0) if abs(total) < largest * mpf("1e-60") else total), largest


# Inputs. Whatever a case must see comes first; random draws fill the rest.

def near(type, b):
    """Around a branch point: it, its two neighbours, and the approach from both sides."""
    b = type.round(b)
    steps = [1 + side * 2.0**-k for k in (3, 7, 12, 18) for side in (-1, 1)]
    return [b, type.step(b, math.inf), type.step(b, -math.inf)] + [type.round(b * s) for s in steps]


def extremes(type):
    most_subnormal = type.step(type.normal, 0)
    return [type.smallest, most_subnormal, type.normal, type.largest]


def sweep(random, type, count, low, high):
    """Magnitudes with random digits, their exponents spread evenly from low to high."""
    for i in range(count):
        exponent = low + round(i * (high - low) / (count - 1))
        yield min(type.round(math.ldexp(1 + random.random(), exponent)), type.largest)


def either_sign(random, values):
    return [v if random.random() < 0.5 else -v for v in values]


def residual_points(random, type, count, branches):
    must = [0.0, -0.0] + [s * v for v in extremes(type) for s in (1, -1)]
    for b in branches:
        must += either_sign(random, near(type, b)) + [type.round(b), -type.round(b)]
    rest = count - len(must)
    swept = either_sign(random, sweep(random, type, rest * 2 // 5, type.lowest, type.top))
    ordinary = [type.round(20 * random.random() - 10) for _ in range(rest * 3 // 10)]
    points = [(x, 0.0) for x in must + swept + ordinary]
    # Generic targets, kept where x − y is exact: the bounds are for the loss, and an e that was rounded before the loss
    # saw it would be multiplied by the condition number (2e for sech² e).
    while len(points) < count:
        scale = 10 if random.random() < 0.7 else math.ldexp(10, round((random.random() - 0.5) * -type.lowest))
        x, y = (type.round(scale * (2 * random.random() - 1)) for _ in range(2))
        if Fraction(x) - Fraction(y) == Fraction(type.round(x - y)):
            points.append((x, y))
    return points


def with_labels(random, type, must, rest, at, soft):
    """Pairs each input with a label, what must be seen with both, or with soft targets that are easy to get wrong."""
    if not soft:
        return [(x, y) for x in must for y in (0.0, 1.0)] + [(x, float(random.random() < 0.5)) for x in rest]
    tiny = list(sweep(random, type, 20, type.lowest, -2))
    points = []
    for i, x in enumerate(must + rest):
        p = at(x)
        targets = [
            random.random(), random.random(), 0.5, tiny[i // 6 % 20], 1 - tiny[-1 - i // 6 % 20],
            # Next to p, where the two terms of the gradient cancel.
            min(max(p * (1 + random.random() * 2.0**-8), 0), 1),
        ]
        points.append((x, type.round(targets[i % 6])))
    return points


def probability_points(random, type, count, epsilon, soft, open_interval=False):
    must = [type.smallest, type.step(type.normal, 0), type.normal, type.step(1, 0), 0.5]
    must += [] if open_interval else [0.0, -0.0, 1.0]
    if epsilon:
        must += near(type, epsilon)[:5] + near(type, 1 - epsilon)[:3]
    must = [p for p in must if p <= 1]
    rest = count - len(must) * (1 if soft else 2)
    third = rest // 3
    small = list(sweep(random, type, third, type.lowest, -2))
    near_one = [type.round(1 - v) for v in sweep(random, type, third, -type.digits, -2)]
    between = [random.random() for _ in range(rest - 2 * third)]
    inner = [p for p in small + near_one + [type.round(v) for v in between] if 0 < p < 1]
    return with_labels(random, type, must, inner, lambda p: p, soft)


def logit_points(random, type, count, soft, extra=()):
    must = [0.0, -0.0] + [s * v for v in extremes(type) for s in (1, -1)]
    # e^−x reaches half a unit of 1, the end of the normal numbers and that of the subnormal ones, in both types.
    for b in (17, 20, 37, 88, 104, 709, 745):
        must += either_sign(random, near(type, b)[:3]) + [type.round(b + 2 * random.random() - 1)]
    for b in extra:
        must += near(type, b)[:3] + near(type, -b)[:3]
    rest = count - len(must) * (1 if soft else 2)
    wide = either_sign(random, sweep(random, type, rest // 3, type.lowest, type.top))
    middle = either_sign(random, sweep(random, type, rest // 4, -8, 10))
    ordinary = [20 * random.random() - 10 for _ in range(rest - len(wide) - len(middle))]
    rest = wide + middle + [type.round(v) for v in ordinary]
    return with_labels(random, type, must, rest, lambda x: 0.5 + math.tanh(x / 2) / 2, soft)


def inflection(gamma):
    """The z < 0 at which focalWithLogits′ stops growing: L″ = 0, found by halving."""
    low, high = -100.0, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        growing = sum(focal_with_logits(mpf(middle), 1, None, mpf(gamma))[2]) > 0
        low, high = (low, middle) if growing else (middle, high)
    return low


# The exact cases. The first of each loss is at its defaults.

def cases():
    for name, loss, branches, settings in (
        ("mae", mae, [1], [{}]),
        ("mse", mse, [1], [{}]),
        ("huber", huber, [], [{"delta": 1}, {"delta": 0.1}, {"delta": 7.3}]),
        ("logCosh", log_cosh, [1e-8, 1e-4, 0.125, 0.5, 1, 9, 20, 44, 52, 88, 372, 710, 745], [{}]),
        ("charbonnier", charbonnier, [], [{"epsilon": v} for v in (1e-6, 1e-3, 1, 1e-30, 1e-200)]),
    ):
        for parameters in settings:
            at = branches + list(parameters.values())
            yield name, loss, parameters, {}, lambda r, t, n: residual_points(r, t, n, at)

    for epsilon, soft in ((1e-7, False), (0, False), (1e-3, False), (1e-7, True), (0, True), (0.3, True)):
        yield "bce", bce, {"epsilon": epsilon}, {"soft": True} if soft else {}, (
            lambda r, t, n: probability_points(r, t, n, epsilon, soft)
        )

    # A smoothed label is a soft one, also where y is 0 or 1.
    for weight, smoothing, mixed in ((1, 0, 0), (3.7, 0, 0), (0.1, 0, 0), (1, 0, 1), (2.5, 0.2, 1), (1, 0.1, 0)):
        flags = {"soft": True} if smoothing or mixed else {}
        yield "bceWithLogits", bce_with_logits, {"posWeight": weight, "labelSmoothing": smoothing}, flags, (
            lambda r, t, n: logit_points(r, t, n, mixed)
        )

    shapes = (0.25, 2), (None, 0), (0.6, 1), (None, 3), (0.25, 0.5), (0.9, 1.5)
    for (alpha, gamma), epsilon in zip(shapes, (1e-7, 1e-7, 1e-7, 1e-3, 1e-7, 0)):
        yield "focal", focal, {"alpha": alpha, "gamma": gamma, "epsilon": epsilon}, {}, (
            lambda r, t, n: probability_points(r, t, n, epsilon, False, open_interval=not epsilon)
        )
    for alpha, gamma in shapes:
        extra = [inflection(gamma)] if gamma else []
        yield "focalWithLogits", focal_with_logits, {"alpha": alpha, "gamma": gamma}, {}, (
            lambda r, t, n: logit_points(r, t, n, False, extra)
        )


def number(v):
    if math.isnan(v):
        return '"NaN"'
    if math.isinf(v):
        return '"Infinity"' if v > 0 else '"-Infinity"'
    text = repr(v)
    return text[:-2] if text.endswith(".0") else text


def row(values):
    return "[" + ",".join(number(v) for v in values) + "]"


def exact_files():
    files, seen = {}, set()
    for name, loss, parameters, flags, draw in cases():
        scaled = bool(flags) or name.startswith("focal")
        for type in (FLOAT32, FLOAT64):
            if any(v and not type.round(v) for v in parameters.values()):
                continue  # 1e-200 is nothing in float32.
            head = {"loss": name, "type": type.name, "parameters": parameters, **flags}
            if name in seen:
                count = 170 if name.startswith("focal") else 200 if scaled else 250
            else:
                count = 600 if type is FLOAT64 else 250
            given = {k: None if v is None else mpf(type.round(v)) for k, v in parameters.items()}
            rows = {}
            for x, y in draw(Random(json.dumps(head)), type, count):
                results, scales = zip(*(result(t) for t in loss(mpf(x), mpf(y), **given)))
                numbers = [nearest(v, type) for v in results + (scales if scaled else ())]
                rows[row([x, y])] = row([x, y] + numbers)
            text = json.dumps(head, separators=(",", ":"))[:-1] + ',"points":[\n' + ",\n".join(rows.values()) + "\n]}"
            files.setdefault(name, []).append((text, len(rows)))
        seen.add(name)
    for name, texts in files.items():
        write(f"mpmath-{name}.json", [t for t, _ in texts], f"{sum(n for _, n in texts)} points")


# PyTorch: whole arrays, reduced and weighted.

N = 37


def formula(of):
    """A loss that PyTorch has not, reduced as it reduces its own."""
    reduce = {"none": lambda v: v, "mean": torch.mean, "sum": torch.sum}
    return lambda x, y, reduction: reduce[reduction](of(x, y))


def builtin(function, **options):
    return lambda x, y, reduction: function(x, y, reduction=reduction, **options)


def torch_focal(alpha, gamma, logits):
    """Lin et al. (2017), equation 5: FL(p_t) = −α_t (1 − p_t)^γ log p_t."""

    def of(x, y):
        p = torch.sigmoid(x) if logits else x
        p_t = torch.where(y == 1, p, 1 - p)
        alpha_t = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
        return -alpha_t * (1 - p_t) ** gamma * torch.log(p_t)

    return formula(of)


def smooth_l1(delta):
    """PyTorch's smooth L1 is Huber over its threshold."""
    return lambda x, y, reduction: delta * F.smooth_l1_loss(x, y, beta=delta, reduction=reduction)


def smoothed(s):
    return lambda x, y, r: F.binary_cross_entropy_with_logits(x, y * (1 - s) + s / 2, reduction=r)


def positive(P):
    return builtin(F.binary_cross_entropy_with_logits, pos_weight=torch.tensor(P))


# PyTorch adds 1e-12 to a denominator of its own second derivative, which shows at the eleventh digit.
SMOOTH = {"bce": formula(lambda p, y: -y * torch.log(p) - (1 - y) * torch.log1p(-p))}


def torch_cases():
    residual, hard, soft = "residual", "hard", "soft"
    yield "mae", {}, residual, builtin(F.l1_loss)
    yield "mse", {}, residual, builtin(F.mse_loss)
    yield "rmse", {}, residual, builtin(F.mse_loss)
    yield "huber", {"delta": 1}, residual, builtin(F.huber_loss, delta=1.0)
    yield "huber", {"delta": 2}, residual, builtin(F.huber_loss, delta=2.0)
    yield "huber", {"delta": 1.5}, residual, smooth_l1(1.5)
    yield "logCosh", {}, residual, formula(lambda x, y: torch.log(torch.cosh(x - y)))
    # Not the default 1e-6, at which autograd's 1/r − e²/r³ has lost every digit.
    for epsilon in (0.25, 0.75):
        charbonnier = formula(lambda x, y, e=epsilon: torch.sqrt((x - y) ** 2 + e**2))
        yield "charbonnier", {"epsilon": epsilon}, residual, charbonnier
    for kind in (hard, soft):
        yield "bce", {}, "probability " + kind, builtin(F.binary_cross_entropy)
        yield "bceWithLogits", {}, "logit " + kind, builtin(F.binary_cross_entropy_with_logits)
        yield "bceWithLogits", {"posWeight": 2.5}, "logit " + kind, positive(2.5)
    yield "bceWithLogits", {"labelSmoothing": 0.125}, "logit hard", smoothed(0.125)
    for alpha, gamma in ((0.25, 2), (None, 0), (0.6, 1.5)):
        parameters = {"alpha": alpha, "gamma": gamma}
        yield "focal", parameters, "probability hard", torch_focal(alpha, gamma, False)
        yield "focalWithLogits", parameters, "logit hard", torch_focal(alpha, gamma, True)


def grid(v):
    """Multiples of 1/1024: the same inputs in both types, and differences without rounding."""
    return round(v * 1024) / 1024


def arrays(kind, random):
    """Inputs at which float32 keeps its digits: away from zeros and branch points, no cancelling terms."""
    prediction, target = [], []
    while len(prediction) < N:
        side, step = random.random() < 0.5, random.random()
        if kind == "residual":
            y = grid(4 * random.random() - 2)
            e = 0.6 + 2.4 * step
            x = y + grid(e if side else -e)
            good = all(abs(abs(x - y) - delta) > 0.02 for delta in (1, 1.5, 2))
        else:
            logit = kind.startswith("logit")
            x = grid(4 * step - 2 if logit else 0.1 + 0.8 * step)
            y = grid(random.random()) if kind.endswith("soft") else float(side)
            p = 1 / (1 + math.exp(-x)) if logit else x
            # The gradient's terms, also with posWeight 2.5.
            good = all(abs(P * y * (1 - p) - (1 - y) * p) > 0.1 for P in (1, 2.5)) and abs(x) > 0.05
        if good:
            prediction.append(x)
            target.append(y)
    # Some weights are 0; none is rounded.
    return prediction, target, [round(16 * random.random()) / 8 * (i % 9 != 4) for i in range(N)]


def reduced(name, loss, x, y, w, reduction):
    """Weights by one rule: Σwℓ, and Σwℓ/Σw for the mean."""
    if w is None:
        value = loss(x, y, reduction)
    else:
        each = w * loss(x, y, "none")
        value = {"none": each, "sum": each.sum(), "mean": each.sum() / w.sum()}[reduction]
    return torch.sqrt(value) if name == "rmse" else value


def torch_file():
    torch.set_num_threads(1)
    lines = []
    pairings = [(False, "mean"), (True, "mean"), (True, "sum"), (False, "none")]
    for name, parameters, kind, loss in torch_cases():
        for dtype in (torch.float64, torch.float32):
            prediction, target, weight = arrays(kind, Random(f"{name} {parameters} {kind}"))
            for weighted, reduction in pairings[:2] if name == "rmse" else pairings:
                x, y = (torch.tensor(v, dtype=dtype) for v in (prediction, target))
                w = torch.tensor(weight, dtype=dtype) if weighted else None
                scalar = lambda x, of=loss: reduced(name, of, x, y, w, reduction).sum()
                case = {
                    "loss": name, "type": str(dtype)[6:], "parameters": parameters, "reduction": reduction,
                    "prediction": prediction, "target": target, "weights": weight if weighted else None,
                    "value": reduced(name, loss, x, y, w, reduction).tolist(),
                    "grad": torch.autograd.functional.jacobian(scalar, x).tolist(),
                }
                if dtype == torch.float64:
                    smooth = lambda x: scalar(x, SMOOTH.get(name, loss))
                    case["hess"] = torch.autograd.functional.hessian(smooth, x).diagonal().tolist()
                line = json.dumps(case, separators=(",", ":"), allow_nan=False)
                lines.append(line.replace(".0,", ",").replace(".0]", "]"))
    write("torch.json", lines, f"{len(lines)} cases")


def write(file, entries, what):
    text = "[\n" + ",\n".join(entries) + "\n]\n"
    with open(os.path.join(HERE, file), "w", encoding="ascii", newline="\n") as out:
        out.write(text)
    print(f"{file}: {what}, {len(text)} bytes")


if __name__ == "__main__":
    exact_files()
    torch_file()
