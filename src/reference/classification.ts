import type { Formula } from "./formula.js";

/** factor · loss with 0 · ∞ = 0, as in 0 · log 0 = 0: the limit of every product here. */
const times = (factor: number, loss: number): number => (factor === 0 && loss === Infinity ? 0 : factor * loss);

/** A probability clamped to [ε, 1 − ε]. Of p and of 1 − p apart, so that either can be ε and neither is 1 − (1 − ε). */
const clamp = (probability: number, epsilon: number): number => Math.min(Math.max(probability, epsilon), 1 - epsilon);

/** −log p, by the smaller of p and q = 1 − p, which is the exact one. */
const surprisal = (p: number, q: number): number => (p < 0.5 ? -Math.log(p) : -Math.log1p(-q));

/** share / p with 0 / 0 = 0: what has no share has no pole. */
const over = (share: number, p: number): number => (share === 0 ? 0 : share / p);

/** −y log p̂ − (1 − y) log(1 − p̂), p̂ = p clamped to [ε, 1 − ε]: the log likelihood of Bernoulli trials, Cox (1958). */
export const bce: Formula<{ readonly epsilon: number }> = {
  value(prediction, target, { epsilon }) {
    const p = clamp(prediction, epsilon);
    const q = clamp(1 - prediction, epsilon);
    return times(target, surprisal(p, q)) + times(1 - target, surprisal(q, p));
  },
  // (p − y) / (p q): 1/q at y = 0 and −1/p at y = 1, also where p q = 0.
  grad(prediction, target, { epsilon }) {
    const p = clamp(prediction, epsilon);
    const q = clamp(1 - prediction, epsilon);
    if (target === 0) return 1 / q;
    if (target === 1) return -1 / p;
    const residual = Math.min(p, target) < 0.5 ? p - target : 1 - target - q;
    return residual / p / q;
  },
  // y/p² + (1 − y)/q²
  hess(prediction, target, { epsilon }) {
    const p = clamp(prediction, epsilon);
    const q = clamp(1 - prediction, epsilon);
    return over(over(target, p), p) + over(over(1 - target, q), q);
  },
};

/** scale · e^exponent, in two halves where the exponential alone is subnormal and has lost its digits. */
const scaledExp = (scale: number, exponent: number): number => {
  if (exponent > -700) return scale * Math.exp(exponent);
  const root = Math.exp(0.5 * exponent);
  return root * scale * root;
};

/** weight · σ(x), σ(x) = 1 / (1 + e^−x). */
const sigmoid = (weight: number, x: number): number => scaledExp(weight / (1 + Math.exp(-Math.abs(x))), Math.min(x, 0));

/** −weight · log σ(x) = weight · log(1 + e^−x), which is weight · e^−x to the last digit from x = 40 on. */
const logisticLoss = (weight: number, x: number): number =>
  x > 40 ? scaledExp(weight, -x) : times(weight, Math.max(-x, 0) + Math.log1p(Math.exp(-Math.abs(x))));

/** y(1 − s) + s/2: a label smoothed over two classes, Szegedy et al. (2016), arXiv:1512.00567. */
const smooth = (label: number, smoothing: number): number => label * (1 - smoothing) + 0.5 * smoothing;

/**
 * −P y′ log σ(x) − (1 − y′) log σ(−x), with y′ = y(1 − s) + s/2, so 1 − y′ = (1 − y)(1 − s) + s/2.
 * Cox (1958); P weighs the positive class.
 */
export const bceWithLogits: Formula<{ readonly posWeight: number; readonly labelSmoothing: number }> = {
  value(prediction, target, { posWeight, labelSmoothing }) {
    const positive = posWeight * smooth(target, labelSmoothing);
    const negative = smooth(1 - target, labelSmoothing);
    return logisticLoss(positive, prediction) + logisticLoss(negative, -prediction);
  },
  // (1 − y′) σ(x) − P y′ σ(−x)
  grad(prediction, target, { posWeight, labelSmoothing }) {
    const positive = posWeight * smooth(target, labelSmoothing);
    const negative = smooth(1 - target, labelSmoothing);
    return sigmoid(negative, prediction) - sigmoid(positive, -prediction);
  },
  // (P y′ + 1 − y′) σ(x) σ(−x), where σ(x) σ(−x) = 1 / (2 + 2 cosh x), from |x| = 40 on e^−|x|.
  hess(prediction, target, { posWeight, labelSmoothing }) {
    const weight = posWeight * smooth(target, labelSmoothing) + smooth(1 - target, labelSmoothing);
    const distance = Math.abs(prediction);
    return distance > 40 ? scaledExp(weight, -distance) : weight / (2 + 2 * Math.cosh(distance));
  },
};

/** `positive` where y = 1, `negative` where y = 0. */
const select = (target: number, positive: number, negative: number): number =>
  target * positive + (1 - target) * negative;

/** α_t: α where y = 1, 1 − α where y = 0; 1 without α. */
const balance = (target: number, alpha: number | null): number =>
  alpha === null ? 1 : select(target, alpha, 1 - alpha);

/** (1 − p)^exponent, with q = 1 − p rounded: a large exponent would magnify what the rounding lost. */
const complementPower = (p: number, q: number, exponent: number): number => {
  if (q < 0.5) return q ** exponent;
  const lost = 1 - q - p;
  return times(q ** exponent, Math.exp((exponent * lost) / q));
};

/**
 * −α_t (1 − p_t)^γ log p_t, with p_t = p̂ where y = 1, 1 − p̂ where y = 0, p̂ = p clamped to [ε, 1 − ε].
 * Lin et al. (2017), arXiv:1708.02002.
 *
 * With q = 1 − p_t, dq = −dp_t, and c = −p_t log p_t / q, which is 1 at q = 0: dL/dp_t = −α_t q^γ (γ c + 1) / p_t
 * and d²L/dp_t² = α_t q^γ (γ (2 + (γ − 1) c) / q + 1/p_t) / p_t. As 0 ≤ c ≤ 1, nothing cancels.
 * q^γ enters as (q^(γ/2))², one half on either side of a product, so that it does not underflow before its partner.
 */
export const focal: Formula<{ readonly alpha: number | null; readonly gamma: number; readonly epsilon: number }> = {
  value(prediction, target, { alpha, gamma, epsilon }) {
    const positive = clamp(prediction, epsilon);
    const negative = clamp(1 - prediction, epsilon);
    const p = select(target, positive, negative);
    const q = select(target, negative, positive);
    const root = complementPower(p, q, 0.5 * gamma);
    return times(balance(target, alpha), root * surprisal(p, q) * root);
  },
  grad(prediction, target, { alpha, gamma, epsilon }) {
    const positive = clamp(prediction, epsilon);
    const negative = clamp(1 - prediction, epsilon);
    const p = select(target, positive, negative);
    const q = select(target, negative, positive);
    const root = complementPower(p, q, 0.5 * gamma);
    const c = q === 0 ? 1 : times(p, surprisal(p, q)) / q;
    return (1 - 2 * target) * over(balance(target, alpha) * root * (gamma * c + 1) * root, p);
  },
  hess(prediction, target, { alpha, gamma, epsilon }) {
    const positive = clamp(prediction, epsilon);
    const negative = clamp(1 - prediction, epsilon);
    const p = select(target, positive, negative);
    const q = select(target, negative, positive);
    const weight = balance(target, alpha);
    // The limit: γ (γ + 1) q^(γ−1) + q^γ.
    if (q === 0) return times(weight, times(gamma * (gamma + 1), 0 ** (gamma - 1)) + 0 ** gamma);
    const root = complementPower(p, q, 0.5 * gamma);
    const steep = root / Math.sqrt(q);
    const c = times(p, surprisal(p, q)) / q;
    const bend = over(weight * steep * gamma * (2 + (gamma - 1) * c), p) * steep;
    return bend + over(over(weight * root, p), p) * root;
  },
};

/** The derivatives in a logit have reached their limits long before ±1500. */
const saturate = (x: number): number => Math.max(-1500, Math.min(1500, x));

/**
 * σ(−z)^exponent = (1 + e^−|z|)^−exponent, times e^(−exponent z) where z > 0. A large exponent would magnify the roundings
 * of e^−|z|, of the sum and of exponent · z, so they are measured and taken out.
 */
const sigmoidPower = (z: number, exponent: number): number => {
  const distance = Math.abs(z);
  const u = Math.exp(-distance);
  // A vernier: the relative error of u is `fold` times as large in u^fold, which e^(−fold |z|) gives independently.
  const fold = 2 ** Math.floor(Math.log2(600 / (1 + distance)));
  const slip = u === 0 ? 0 : (Math.exp(-fold * distance) / u ** fold - 1) / fold;
  const sum = 1 + u;
  const lost = u - (sum - 1) + u * slip;
  // Two factors of 24 bits have an exact product. With either beyond 1500 the loss has vanished.
  const reach = Math.max(0, Math.min(z, 1500));
  const slope = Math.min(exponent, 1500);
  const product = Math.fround(reach) * Math.fround(slope);
  const rest = (reach - Math.fround(reach)) * Math.fround(slope) + reach * (slope - Math.fround(slope));
  return times(sum ** -exponent * Math.exp(-product), Math.exp((-exponent * lost) / sum - rest));
};

/** factor · σ(−z)^exponent, in two halves where the power alone may be subnormal. */
const scaledPower = (factor: number, z: number, exponent: number): number => {
  const power = sigmoidPower(z, exponent);
  if (power > 2 ** -1000) return power * factor;
  const root = sigmoidPower(z, 0.5 * exponent);
  return root * factor * root;
};

/**
 * −α_t (1 − p_t)^γ log p_t, with p_t = σ(z), z = x where y = 1, −x where y = 0. Lin et al. (2017), arXiv:1708.02002.
 *
 * With p = σ(z), q = σ(−z), ℓ = −log p: dp/dz = p q and dℓ/dz = −q, so dL/dz = −α_t q^γ (γ p ℓ + q)
 * and d²L/dz² = α_t q^γ p (γ ℓ (γ p − q) + (2γ + 1) q).
 */
export const focalWithLogits: Formula<{ readonly alpha: number | null; readonly gamma: number }> = {
  value(prediction, target, { alpha, gamma }) {
    const z = (2 * target - 1) * prediction;
    return times(balance(target, alpha), scaledPower(logisticLoss(1, z), z, gamma));
  },
  grad(prediction, target, { alpha, gamma }) {
    const z = saturate((2 * target - 1) * prediction);
    const slope = gamma * logisticLoss(sigmoid(1, z), z) + sigmoid(1, -z);
    return (1 - 2 * target) * balance(target, alpha) * scaledPower(slope, z, gamma);
  },
  hess(prediction, target, { alpha, gamma }) {
    const z = saturate((2 * target - 1) * prediction);
    const p = sigmoid(1, z);
    const q = sigmoid(1, -z);
    const bend = gamma * logisticLoss(1, z) * (gamma * p - q) + (2 * gamma + 1) * q;
    return balance(target, alpha) * scaledPower(sigmoid(bend, z), z, gamma);
  },
};
