"""Writes the exact results of points, for `npm run accuracy -- --double` and `-- --oracle`.

    python3 test/accuracy/exact.py huber '{"delta": 0.1}' < points > results

Needs Debian's python3-mpmath. A point is a pair of float64 numbers, prediction and target. Of each result of a point,
value, gradient and second derivative, three numbers are written: the float64 nearest to it; how many units in the last
place it is above that; and the scale that has these units: the largest term of the result, or the result itself where
it is larger, rounded towards 0. Beyond float64 the nearest is infinite, and the second number counts from 2^1024 on.
"""

import json
import math
import os
import sys
from array import array
from functools import partial

from mpmath import mp, mpf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden"))
import formulas

# The formulas lose digits in sums of terms only, which are measured by the largest of them: the first precision
# leaves a hundred bits to spare. The second is there to prove it for every point.
BITS, MORE_BITS, PROVED = 160, 240, 90

LOSSES = {
    "mae": formulas.mae,
    "mse": formulas.mse,
    "huber": formulas.huber,
    "logCosh": formulas.log_cosh,
    "charbonnier": formulas.charbonnier,
    "bce": formulas.bce,
    "bceWithLogits": formulas.bce_with_logits,
    "focal": formulas.focal,
    "focalWithLogits": formulas.focal_with_logits,
}

FUNCTIONS = {
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": formulas.log,
    "log1p": mp.log1p,
    "log1m": lambda u: mp.log1p(-u),
    "share": lambda u: u / (1 + u),
    "bell": lambda u: u / (1 + u) ** 2,
}

END = mp.ldexp(1, 1024)


def unit_of(v):
    """The exponent of a unit in the last place, the same of all subnormal numbers, and of those beyond the largest."""
    return min(max(mp.mag(v) - 53, -1074), 1023 - 52)


def rounded(v, how):
    """To a float64, infinite where that is beyond the largest."""
    if mp.mag(v) > 1024:
        return math.copysign(math.inf, v)
    try:
        return math.ldexp(int(how(mp.ldexp(v, -unit_of(v)))), unit_of(v))
    except OverflowError:
        return math.copysign(math.inf, v)


def written(result, largest):
    scale = max(abs(result), largest)
    if mp.isinf(scale):
        return float(result), 0.0, math.inf
    if not scale:
        return 0.0, 0.0, 0.0
    nearest = rounded(result, mp.nint)
    above = result - (nearest if math.isfinite(nearest) else mp.sign(result) * END)
    return nearest, float(mp.ldexp(above, -unit_of(scale))), min(rounded(scale, mp.floor), sys.float_info.max)


def results_at(bits, of, point):
    mp.prec = bits
    return [(sum(terms), max(abs(term) for term in terms)) for terms in of(*point)]


def main(name, parameters):
    given = {key: None if value is None else mpf(value) for key, value in parameters.items()}
    of = partial(LOSSES[name], **given) if name in LOSSES else lambda x, _: [[FUNCTIONS[name](x)]]
    points = array("d", sys.stdin.buffer.read())
    numbers = array("d")
    for k in range(0, len(points), 2):
        point = mpf(points[k]), mpf(points[k + 1])
        rough = results_at(BITS, of, point)
        for (first, _), (result, largest) in zip(rough, results_at(MORE_BITS, of, point)):
            if not (first == result or abs(first - result) <= mp.ldexp(max(abs(result), largest), -PROVED)):
                sys.exit(f"{name} {parameters} at {points[k]!r}, {points[k + 1]!r}: {BITS} bits are not enough")
            numbers.extend(written(result, largest))
    sys.stdout.buffer.write(numbers.tobytes())


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
