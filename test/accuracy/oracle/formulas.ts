/**
 * The losses of one element in double precision, from the papers: by exponentials and logarithms of AssemblyScript's library (musl's, an ULP at
 * most) and never by the kernels' own functions. x is the prediction, y the label, 0 or 1; residual losses have target 0.
 */
import { judge, share, sharedAt } from "./judge";

/** What an input has in common for all labels and parameters, and the verdict on its three results. */
@unmanaged
export abstract class Formula {
  abstract share(k: i32, x: f64): void;
  abstract judge(k: i32, x: f64, y: f64, a: f64, b: f64, c: f64): void;
}

/** A result of weight 0 is 0, even where it is infinite. */
function times(weight: f64, result: f64): f64 {
  return weight == 0 ? 0 : weight * result;
}

/** The results in one go; where x is no number, none of them is. */
function verdicts(k: i32, x: f64, value: f64, grad: f64, hess: f64): void {
  const nothing = x != x ? x : 0;
  judge(k, 0, value + nothing, 0);
  judge(k, 1, grad + nothing, 0);
  judge(k, 2, hess + nothing, 0);
}

/** |e|. */
@unmanaged
export class Mae extends Formula {
  share(_k: i32, _x: f64): void {}
  judge(k: i32, x: f64, _y: f64, _a: f64, _b: f64, _c: f64): void {
    verdicts(k, x, abs(x), x > 0 ? 1 : x < 0 ? -1 : 0, 0);
  }
}

/** e². */
@unmanaged
export class Mse extends Formula {
  share(_k: i32, _x: f64): void {}
  judge(k: i32, x: f64, _y: f64, _a: f64, _b: f64, _c: f64): void {
    verdicts(k, x, x * x, 2 * x, 2);
  }
}

/** Huber (1964). */
@unmanaged
export class Huber extends Formula {
  share(_k: i32, _x: f64): void {}
  judge(k: i32, x: f64, _y: f64, delta: f64, _b: f64, _c: f64): void {
    const e = abs(x);
    if (e > delta) verdicts(k, x, delta * (e - delta / 2), copysign(delta, x), 0);
    else verdicts(k, x, (x * x) / 2, x, 1);
  }
}

/** log cosh e = log(1 + 2 sinh²(e/2)), or |e| − ln 2 + log(1 + e^(−2|e|)). */
@unmanaged
export class LogCosh extends Formula {
  share(_k: i32, _x: f64): void {}
  judge(k: i32, x: f64, _y: f64, _a: f64, _b: f64, _c: f64): void {
    const e = abs(x);
    const u = Math.exp(-2 * e);
    const half = e < 1 ? Math.sinh(e / 2) : 0;
    const value = e < 1 ? Math.log1p(2 * half * half) : e - Math.LN2 + Math.log1p(u);
    verdicts(k, x, value, Math.tanh(x), (4 * u) / ((1 + u) * (1 + u)));
  }
}

/** √(e² + ε²): no f32 has a square that is too large for f64. */
@unmanaged
export class Charbonnier extends Formula {
  share(_k: i32, _x: f64): void {}
  judge(k: i32, x: f64, _y: f64, epsilon: f64, _b: f64, _c: f64): void {
    const root = sqrt(x * x + epsilon * epsilon);
    const grad = root == Infinity ? copysign(1, x) : x / root;
    verdicts(k, x, root, grad, (epsilon * epsilon) / (root * root * root));
  }
}

/** log p and log(1 − p). */
@unmanaged
abstract class Probability extends Formula {
  @inline share(k: i32, x: f64): void {
    share(k, 0, x < 0.5 ? Math.log(x) : Math.log1p(x - 1));
    share(k, 1, x < 0.5 ? Math.log1p(-x) : Math.log(1 - x));
  }
}

/** Of the label, p_t clamped to [ε, 1 − ε], 1 − p_t and −log p_t. */
class Label {
  p: f64;
  q: f64;
  loss: f64;
}
const label = changetype<Label>(memory.data(offsetof<Label>(), 16));

function clamp(k: i32, x: f64, y: f64, epsilon: f64): void {
  const low = x <= epsilon;
  const high = 1 - x <= epsilon;
  let p = low ? epsilon : high ? 1 - epsilon : x;
  let q = low ? 1 - epsilon : high ? epsilon : 1 - x;
  let hit = low ? Math.log(epsilon) : high ? Math.log1p(-epsilon) : sharedAt(k, 0);
  if (y == 0) {
    const swap = p;
    p = q;
    q = swap;
    hit = low ? Math.log1p(-epsilon) : high ? Math.log(epsilon) : sharedAt(k, 1);
  }
  label.p = p;
  label.q = q;
  label.loss = -hit;
}

/** −log p_t. */
@unmanaged
export class Bce extends Probability {
  judge(k: i32, x: f64, y: f64, epsilon: f64, _b: f64, _c: f64): void {
    clamp(k, x, y, epsilon);
    const slope = 1 / label.p;
    verdicts(k, x, label.loss, y == 1 ? -slope : slope, slope * slope);
  }
}

/** α_t q^γ L with q = 1 − p_t, L = −log p_t: L″ = α_t (γ q^(γ − 1) ((γ − 1) L/q + 2/p_t) + q^γ/p_t²). Lin et al. (2017). */
@unmanaged
export class Focal extends Probability {
  judge(k: i32, x: f64, y: f64, alpha: f64, gamma: f64, epsilon: f64): void {
    clamp(k, x, y, epsilon);
    const weight = alpha != alpha ? 1 : y == 1 ? alpha : 1 - alpha;
    const p = label.p;
    const q = label.q;
    const loss = label.loss;
    const power = gamma == 0 ? 1 : gamma == 2 ? q * q : q ** gamma;
    const ratio = q == 0 ? 1 : loss / q;
    const slope = weight * times(power, gamma * ratio + 1 / p);
    const steep = gamma == 0 ? 0 : gamma * (gamma == 2 ? q : q ** (gamma - 1));
    const bend = times(weight * steep, (gamma - 1) * ratio);
    const pole = times(weight * steep, 2 / p);
    const last = times(weight * power, 1 / (p * p));
    // The limits: of q 0, where L/q is 1, γ (γ + 1) q^(γ − 1) + q^γ; of p 0, 1/p².
    const end = weight * (p == 0 ? Infinity : times(gamma * (gamma + 1), 0 ** (gamma - 1)) + power);
    const nothing = x != x ? x : 0;
    judge(k, 0, weight * times(power, loss) + nothing, 0);
    judge(k, 1, (y == 1 ? -slope : slope) + nothing, 0);
    judge(k, 2, (p == 0 || q == 0 ? end : bend + pole + last) + nothing, max(abs(bend), max(pole, last)));
  }
}

/** u = e^−|x| and log(1 + u). */
@unmanaged
abstract class Logit extends Formula {
  @inline share(k: i32, x: f64): void {
    const u = Math.exp(-abs(x));
    share(k, 0, u);
    share(k, 1, Math.log1p(u));
  }
}

/** With Y = P y′ and Z = 1 − y′: −Y log σ(x) − Z log σ(−x). */
@unmanaged
export class BceWithLogits extends Logit {
  judge(k: i32, x: f64, y: f64, posWeight: f64, labelSmoothing: f64, _c: f64): void {
    const u = sharedAt(k, 0);
    const common = sharedAt(k, 1);
    const smooth = y * (1 - labelSmoothing) + labelSmoothing / 2;
    const positive = posWeight * smooth;
    const negative = y == 1 ? labelSmoothing / 2 : 1 - labelSmoothing / 2;
    const rare = u / (1 + u);
    const hit = x < 0 ? rare : 1 / (1 + u);
    const miss = x < 0 ? 1 / (1 + u) : rare;
    const own = times(positive, max(-x, 0) + common);
    const other = times(negative, max(x, 0) + common);
    const nothing = x != x ? x : 0;
    judge(k, 0, own + other + nothing, max(own, other));
    judge(k, 1, negative * hit - positive * miss + nothing, max(negative * hit, positive * miss));
    judge(k, 2, ((positive + negative) * u) / ((1 + u) * (1 + u)) + nothing, 0);
  }
}

/**
 * α_t q^γ L with p = σ(z), q = σ(−z), L = −log p, z = ±x: by z −α_t q^γ (γ p L + q) and α_t q^γ p ((2γ + 1) q + γ L (γ p − q)). Lin et al. (2017).
 */
@unmanaged
export class FocalWithLogits extends Logit {
  judge(k: i32, x: f64, y: f64, alpha: f64, gamma: f64, _c: f64): void {
    const u = sharedAt(k, 0);
    const common = sharedAt(k, 1);
    const weight = alpha != alpha ? 1 : y == 1 ? alpha : 1 - alpha;
    const z = y == 1 ? x : -x;
    const rare = u / (1 + u);
    const p = z < 0 ? rare : 1 / (1 + u);
    const q = z < 0 ? 1 / (1 + u) : rare;
    const loss = max(-z, 0) + common;
    const power = gamma == 0 ? 1 : gamma == 2 ? q * q : Math.exp(-gamma * (max(z, 0) + common));
    const factor = weight * power;
    // p L is at most 0.28, also at z = −∞.
    const product = times(p, loss);
    const slope = times(factor, gamma * product + q);
    const one = factor * gamma * gamma * p * product;
    const two = factor * gamma * q * product;
    const three = factor * p * (2 * gamma + 1) * q;
    const nothing = x != x ? x : 0;
    judge(k, 0, times(factor, loss) + nothing, 0);
    judge(k, 1, (y == 1 ? -slope : slope) + nothing, 0);
    judge(k, 2, one - two + three + nothing, max(one, max(two, three)));
  }
}
