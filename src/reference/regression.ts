import type { Formula } from "./formula.js";

/** |e|, with e = prediction − target. Boscovich (1757), Laplace (1774). */
export const mae: Formula = {
  value(prediction, target) {
    return Math.abs(prediction - target);
  },
  // sign e, and 0 in the corner.
  grad(prediction, target) {
    return Math.sign(prediction - target);
  },
  hess(prediction, target) {
    return Number.isNaN(prediction - target) ? NaN : 0;
  },
};

/** e². Legendre (1805), Gauss (1809). */
export const mse: Formula = {
  value(prediction, target) {
    const e = prediction - target;
    return e * e;
  },
  grad(prediction, target) {
    return 2 * (prediction - target);
  },
  hess(prediction, target) {
    return Number.isNaN(prediction - target) ? NaN : 2;
  },
};

/**
 * √mean(e²): what goes under the root is the mean of (power · e)², and r the root of that. Legendre (1805), Gauss (1809).
 * With W the total weight: w e/(W r) and w/(W r) − (w e)²/(W² r³), times a scale of 1/(W · r) and an inverse of 1/r at that power.
 */
export const rmse: Formula<{ readonly power: number; readonly inverse: number }> = {
  value(prediction, target, { power }) {
    return ((prediction - target) * power) ** 2;
  },
  grad(prediction, target, { power }) {
    return (prediction - target) * power;
  },
  hess(prediction, target, { power, inverse }, weight) {
    const e = (prediction - target) * power;
    return power * (1 - weight * e * e * inverse);
  },
};

/** ½e² where |e| ≤ δ, δ(|e| − ½δ) beyond. Huber (1964), doi:10.1214/aoms/1177703732. */
export const huber: Formula<{ readonly delta: number }> = {
  value(prediction, target, { delta }) {
    const e = prediction - target;
    return Math.abs(e) <= delta ? 0.5 * e * e : delta * (Math.abs(e) - 0.5 * delta);
  },
  // e clipped to [−δ, δ]
  grad(prediction, target, { delta }) {
    return Math.max(-delta, Math.min(delta, prediction - target));
  },
  hess(prediction, target, { delta }) {
    const e = prediction - target;
    if (Number.isNaN(e)) return NaN;
    return Math.abs(e) <= delta ? 1 : 0;
  },
};

/**
 * What the rounding of e = prediction − target has lost, Knuth's TwoSum; e + lost is exact.
 * Second derivatives that fall off magnify it: threefold in charbonnier, up to 740-fold in log cosh.
 */
const lost = (prediction: number, target: number, e: number): number => {
  if (!Number.isFinite(e)) return 0;
  const shift = e - prediction;
  return prediction - (e - shift) - (target + shift);
};

/** log cosh e. Green (1990), doi:10.1109/42.52985. */
export const logCosh: Formula = {
  // cosh e − 1 = −½ (e^e − 1)(e^−e − 1), or, before cosh e overflows, log cosh e = |e| − log 2 to the last digit.
  value(prediction, target) {
    const e = prediction - target;
    if (Math.abs(e) > 20) return Math.abs(e) - Math.LN2;
    return Math.log1p(-0.5 * Math.expm1(e) * Math.expm1(-e));
  },
  // tanh e
  grad(prediction, target) {
    return Math.tanh(prediction - target);
  },
  // sech² e = 2 / (1 + cosh 2e), or (2 e^−|e|)² before cosh 2e overflows; its relative slope is −2 tanh e.
  hess(prediction, target) {
    const e = prediction - target;
    const correction = 1 - 2 * lost(prediction, target, e) * Math.tanh(e);
    if (Math.abs(e) > 350) return (2 * Math.exp(-Math.abs(e))) ** 2 * correction;
    return (2 / (1 + Math.cosh(2 * e))) * correction;
  },
};

/** √(e² + ε²). Charbonnier et al. (1994), doi:10.1109/ICIP.1994.413553. */
export const charbonnier: Formula<{ readonly epsilon: number }> = {
  value(prediction, target, { epsilon }) {
    return Math.hypot(prediction - target, epsilon);
  },
  // e / √(e² + ε²), by the smaller of e/ε and ε/e: no square overflows, and ±1 is reached at ±∞.
  grad(prediction, target, { epsilon }) {
    const e = prediction - target;
    if (Math.abs(e) > epsilon) return Math.sign(e) / Math.hypot(1, epsilon / e);
    return e / epsilon / Math.hypot(1, e / epsilon);
  },
  // ε² / (e² + ε²)^(3/2): 1/ε or, with r = ε/|e|, r²/|e|, times (1 + smaller²/larger²)^(−3/2).
  // Its relative slope is −3e / (e² + ε²).
  hess(prediction, target, { epsilon }) {
    const e = prediction - target;
    if (Math.abs(e) <= epsilon) return Math.exp(-1.5 * Math.log1p((e / epsilon) ** 2)) / epsilon;
    const r = epsilon / Math.abs(e);
    const correction = (-3 * lost(prediction, target, e)) / e / (1 + r * r);
    const bend = r * Math.exp(-1.5 * Math.log1p(r * r) + correction);
    // r² may underflow, but not where 1/e may overflow.
    return Math.abs(e) < 2 ** -1000 ? (bend * r) / Math.abs(e) : (bend / Math.abs(e)) * r;
  },
};
