import type { Floats } from "../engine.js";
import { Sum } from "./engine.js";
import type { RowFormula } from "./formula.js";

/** a − b and what its rounding has lost, 0 where it is infinite. Knuth's TwoSum: the two add up to a − b exactly. */
const difference = (a: number, b: number): readonly [near: number, lost: number] => {
  const near = a - b;
  if (!Number.isFinite(near)) return [near, 0];
  const shift = near - a;
  return [near, a - (near - shift) - (b + shift)];
};

/** What the rounding of a · b to `product` has lost: a factor's upper 24 bits and its lower 29 have exact products with the other's upper 24. */
const lostOf = (a: number, b: number, product: number): number => {
  const aHigh = Math.fround(a);
  const bHigh = Math.fround(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow;
};

/** scale · e^exponent, in two halves where the exponential alone has lost its digits or overflows. */
const scaledExp = (scale: number, exponent: number): number => {
  if (Math.abs(exponent) < 700) return scale * Math.exp(exponent);
  const root = Math.exp(0.5 * exponent);
  return root * scale * root;
};

/** softmax(z/T), p_k = e^((z_k − M)/T) / (1 + R), with M the greatest z and R the sum of the other exponentials. Bridle (1990). */
class Softmax {
  /** Where M is; −1, which makes all NaN, if nothing is above −Infinity. */
  readonly top: number;
  /** (z_k − M)/T. */
  readonly gaps: Float64Array;
  /** What their roundings have lost, which an exponential would magnify up to 745-fold. */
  private readonly lost: Float64Array;
  /** R, which may be subnormal. */
  private readonly rest: number = 0;

  constructor(logits: Float64Array, temperature = 1) {
    let top = -1;
    let greatest = -Infinity;
    logits.forEach((z, k) => {
      if (!(z > greatest)) return;
      top = k;
      greatest = z;
    });
    this.top = top;
    this.gaps = new Float64Array(logits.length);
    this.lost = new Float64Array(logits.length);
    const power = 2 ** Math.floor(Math.log2(temperature));
    const divisor = temperature / power;
    logits.forEach((z, k) => {
      if (k === top) return;
      const [shift, lost] = difference(z, logits[top] ?? Number.NaN);
      const dividend = shift / power;
      const gap = dividend / divisor;
      this.gaps[k] = gap;
      const product = gap * divisor;
      const remainder = dividend - product - lostOf(gap, divisor, product);
      this.lost[k] = gap > -1000 ? (remainder + lost / power) / divisor : 0;
    });
    this.rest = this.others(1);
  }

  /** scale · R. */
  private others(scale: number): number {
    if (this.rest > 2 ** -900) return scale * this.rest;
    const sum = new Sum();
    for (let k = 0; k < this.gaps.length; k++) if (k !== this.top) sum.add(this.exponential(k, scale));
    return Number.isNaN(scale) ? scale : sum.total();
  }

  private exponential(k: number, scale: number): number {
    return scaledExp(scale, this.gaps[k] ?? Number.NaN) * (1 + (this.lost[k] ?? Number.NaN));
  }

  /** scale · p_k. */
  probability(k: number, scale = 1): number {
    return this.exponential(k, scale / (1 + this.rest));
  }

  /** scale · (1 − p_k); that of the greatest is the sum of the others. */
  complement(k: number, scale = 1): number {
    return k === this.top ? this.others(scale / (1 + this.rest)) : scale * (1 - this.probability(k));
  }

  /** −log p_k, a sum of terms ≥ 0. */
  surprisal(k: number): number {
    return Math.log1p(this.rest) - (this.gaps[k] ?? Number.NaN);
  }

  /** scale · (log Σ e^(z/T) − M/T), where a small R is log(1 + R) to the last digit. */
  normalizer(scale: number): number {
    return this.rest > 2 ** -100 ? scale * Math.log1p(this.rest) : this.others(scale);
  }
}

const sumOf = (row: Float64Array): number => {
  const sum = new Sum();
  for (const x of row) sum.add(x);
  return sum.total();
};

/** T p_k − τ_k, T = Σ τ_c: the derivative of −Σ τ_c log p_c. At the greatest logit, (T − τ_k) p_k − τ_k (1 − p_k) does not need 1 − p_k from p_k. */
const crossEntropyGrad = (logits: Float64Array, shares: Float64Array, into: Float64Array): void => {
  const p = new Softmax(logits);
  const total = sumOf(shares);
  shares.forEach((share, k) => {
    if (k !== p.top) {
      into[k] = p.probability(k, total) - share;
      return;
    }
    const others = sumOf(shares.map((other, c) => (c === k ? 0 : other)));
    into[k] = p.probability(k, others) - p.complement(k, share);
  });
};

/** T p_k (1 − p_k). */
const crossEntropyHess = (logits: Float64Array, shares: Float64Array, into: Float64Array): void => {
  const p = new Softmax(logits);
  const total = sumOf(shares);
  for (let k = 0; k < into.length; k++) into[k] = p.complement(k, p.probability(k, total));
};

interface Smoothing {
  readonly labelSmoothing: number;
  readonly classWeights: Floats | undefined;
}

/** τ_c = w_c((1 − s) y_c + s/C): a label smoothed over C classes, Szegedy et al. (2016), arXiv:1512.00567, and weighted. */
const sharesOf = (target: Float64Array, { labelSmoothing, classWeights }: Smoothing): Float64Array =>
  target.map((y, c) => {
    const weight = classWeights === undefined ? 1 : (classWeights[c] ?? Number.NaN);
    return weight * ((1 - labelSmoothing) * y + labelSmoothing / target.length);
  });

/** −Σ τ_c log p_c, p = softmax(x). Bridle (1990), doi:10.1007/978-3-642-76153-9_28. */
export const softmaxCrossEntropy: RowFormula<Smoothing> = {
  // Σ τ_c (M − x_c) + T log(1 + R), where 0 · ∞ = 0.
  value(logits, target, smoothing) {
    const p = new Softmax(logits);
    const shares = sharesOf(target, smoothing);
    const sum = new Sum();
    shares.forEach((share, c) => {
      if (share !== 0) sum.add(-share * (p.gaps[c] ?? Number.NaN));
    });
    sum.add(p.normalizer(sumOf(shares)));
    return sum.total();
  },
  grad(logits, target, smoothing, into) {
    crossEntropyGrad(logits, sharesOf(target, smoothing), into);
  },
  hess(logits, target, smoothing, into) {
    crossEntropyHess(logits, sharesOf(target, smoothing), into);
  },
};

/** t − log(1 + t) for −½ ≤ t ≤ 1: with s = t/(2 + t), log(1 + t) = 2(s + s³/3 + s⁵/5 + …) and t − 2s = t s. */
const excessOfLog = (t: number): number => {
  const s = t / (2 + t);
  let series = 0;
  for (let k = 39; k >= 3; k -= 2) series = series * s * s + 1 / k;
  return s * (t - 2 * s * s * series);
};

/**
 * Σ p log(p/q) in two ways. Its own terms are large where rows are near to each other and cancel; p log(p/q) − p + q ≥ 0 is small there, and
 * Σ(p − q) an exact sum. In rows that are far from normalised it is the other way round.
 */
class Divergence {
  private readonly own = new Sum();
  private readonly size = new Sum();
  private readonly excess = new Sum();
  private readonly balance = new Sum();

  /** With `gap` = q − p and `logQ` = log q, where q may have vanished; p > 0. The surplus p − q is to be added apart. */
  add(p: number, q: number, gap: number, logQ: number): void {
    const ratio = q / p;
    const near = ratio > 0.5 && ratio < 2;
    const t = gap / p;
    const far = ratio > 2 ** -500 && ratio < 2 ** 500 ? -Math.log(ratio) : Math.log(p) - logQ;
    const own = p * (near ? -Math.log1p(t) : far);
    this.own.add(own);
    this.size.add(Math.abs(own));
    this.excess.add(near ? p * excessOfLog(t) : own + gap);
  }

  /** What an element of p = 0 has: nothing of its own but a NaN, and q of the excess. */
  addEmpty(q: number): void {
    this.own.add(0 * q);
    this.excess.add(q);
  }

  addSurplus(x: number): void {
    this.balance.add(x);
  }

  total(): number {
    const excess = this.excess.total();
    return excess <= 2 * this.size.total() ? excess + this.balance.total() : this.own.total();
  }
}

/** Σ p log(p/q), p the target, q = max(x, ε), with 0 log 0 = 0. Kullback and Leibler (1951), doi:10.1214/aoms/1177729694. */
export const klDivergence: RowFormula<{ readonly epsilon: number }> = {
  value(prediction, target, { epsilon }) {
    const divergence = new Divergence();
    prediction.forEach((x, c) => {
      const p = target[c] ?? Number.NaN;
      const q = Math.max(x, epsilon);
      if (p === 0 && !Number.isNaN(q)) return;
      divergence.add(p, q, q - p, Math.log(q));
      divergence.addSurplus(p);
      divergence.addSurplus(-q);
    });
    return divergence.total();
  },
  // −p/q
  grad(prediction, target, { epsilon }, into) {
    prediction.forEach((x, c) => {
      const p = target[c] ?? Number.NaN;
      const q = Math.max(x, epsilon);
      into[c] = p === 0 && !Number.isNaN(q) ? 0 : -p / q;
    });
  },
  // p/q², with p/q kept out of the subnormal numbers, as the second division may lead out of them.
  hess(prediction, target, { epsilon }, into) {
    prediction.forEach((x, c) => {
      const p = target[c] ?? Number.NaN;
      const q = Math.max(x, epsilon);
      const ratio = p / q;
      if (p === 0 && !Number.isNaN(q)) into[c] = 0;
      else into[c] = ratio < 2 ** -1000 ? ((p * 2 ** 100) / q / q) * 2 ** -100 : ratio / q;
    });
  },
};

/** Σ p log(p/q), p the target, q = softmax(x), with 0 log 0 = 0. Kullback and Leibler (1951), doi:10.1214/aoms/1177729694. */
export const klDivergenceWithLogits: RowFormula = {
  // The surplus is Σ p − 1: that of the rounded q would be off.
  value(logits, target) {
    const softmax = new Softmax(logits);
    const divergence = new Divergence();
    target.forEach((p, c) => {
      const q = softmax.probability(c);
      if (p === 0) {
        divergence.addEmpty(q);
        return;
      }
      const gap = c === softmax.top && p > 0.5 ? 1 - p - softmax.complement(c) : q - p;
      divergence.add(p, q, gap, -softmax.surprisal(c));
      divergence.addSurplus(p);
    });
    divergence.addSurplus(-1);
    return divergence.total();
  },
  grad(logits, target, _, into) {
    crossEntropyGrad(logits, target, into);
  },
  hess(logits, target, _, into) {
    crossEntropyHess(logits, target, into);
  },
};

/** (e^v − 1 − v) / v² for |v| ≤ 1, by its series. */
const excessOfExp = (v: number): number => {
  let series = 1;
  for (let k = 22; k >= 3; k--) series = 1 + (v / k) * series;
  return 0.5 * series;
};

/**
 * p = softmax(t/T), q = softmax(x/T) and v = log(q/p).
 *
 * With a_c = (x_c − t_c)/T less the same at the teacher's greatest logit, v_c = a_c − log Σ p e^a = a_c − log(1 + Σ p(e^a − 1)):
 * near-equal rows keep their digits.
 */
class Comparison {
  readonly p: Softmax;
  readonly q: Softmax;
  readonly v: Float64Array;
  /** Whether the v are that good. */
  readonly near: boolean;

  constructor(logits: Float64Array, teacherLogits: Float64Array, temperature: number) {
    const p = new Softmax(teacherLogits, temperature);
    const q = new Softmax(logits, temperature);
    const { top } = p;
    const [offset, offsetLost] = difference(logits[top] ?? Number.NaN, teacherLogits[top] ?? Number.NaN);
    const a = logits.map((x, c) => {
      const [residual, residualLost] = difference(x, teacherLogits[c] ?? Number.NaN);
      const [shift, shiftLost] = difference(residual, offset);
      return (shift + (residualLost - offsetLost + shiftLost)) / temperature;
    });
    const growth = new Sum();
    a.forEach((shift, c) => {
      const own = p.probability(c);
      if (Math.abs(shift) <= 1) growth.add(own * Math.expm1(shift));
      else {
        const gap = (q.gaps[c] ?? Number.NaN) - (q.gaps[top] ?? Number.NaN);
        growth.add(scaledExp(p.probability(top), gap) - own);
      }
    });
    const grown = growth.total();
    this.p = p;
    this.q = q;
    this.near = Math.abs(grown) < 0.5;
    const base = this.near ? -Math.log1p(grown) : p.surprisal(top) - q.surprisal(top);
    this.v = a.map((shift, c) => (Number.isFinite(shift) ? shift + base : p.surprisal(c) - q.surprisal(c)));
  }
}

/** T² Σ p log(p/q), p = softmax(t/T), q = softmax(x/T). Hinton et al. (2015), arXiv:1503.02531. */
export const distillation: RowFormula<{ readonly temperature: number }> = {
  // As Σ p = Σ q, a sum of p (e^v − 1 − v) = q − p − p v ≥ 0. With T inside, as neither T² nor v² need be a number.
  value(logits, teacherLogits, { temperature }) {
    const { p, q, v } = new Comparison(logits, teacherLogits, temperature);
    const sum = new Sum();
    v.forEach((ratio, c) => {
      const own = p.probability(c, temperature);
      const other = q.probability(c, temperature);
      if (Math.abs(ratio) <= 1) sum.add(own * ratio * (temperature * ratio) * excessOfExp(ratio));
      else sum.add(temperature * (own === 0 ? other : other - own - own * ratio));
    });
    return sum.total();
  },
  // T (q − p) = T p (e^v − 1)
  grad(logits, teacherLogits, { temperature }, into) {
    const { p, q, v, near } = new Comparison(logits, teacherLogits, temperature);
    v.forEach((ratio, c) => {
      const own = p.probability(c, temperature);
      into[c] = near && Math.abs(ratio) <= 1 ? own * Math.expm1(ratio) : q.probability(c, temperature) - own;
    });
  },
  // q (1 − q)
  hess(logits, _, { temperature }, into) {
    const q = new Softmax(logits, temperature);
    for (let k = 0; k < into.length; k++) into[k] = q.probability(k) * q.complement(k);
  },
};

/** ½(e^l − 1 − l) ≥ 0. */
const varianceLoss = (l: number): number => {
  if (Math.abs(l) <= 1) return 0.5 * l * l * excessOfExp(l);
  const half = scaledExp(0.5, l);
  return half === Infinity ? half : half - 0.5 - 0.5 * l;
};

/** ½ Σ (μ² + e^l − 1 − l), N(μ, e^l) from N(0, 1). Kingma and Welling (2014), arXiv:1312.6114. */
export const gaussianKl: RowFormula = {
  value(mean, logVariance) {
    const sum = new Sum();
    mean.forEach((mu, j) => {
      sum.add(0.5 * mu * mu);
      sum.add(varianceLoss(logVariance[j] ?? Number.NaN));
    });
    return sum.total();
  },
  grad(mean, _logVariance, _, into) {
    into.set(mean);
  },
  hess(mean, _logVariance, _, into) {
    mean.forEach((mu, j) => {
      into[j] = Number.isNaN(mu) ? Number.NaN : 1;
    });
  },
  // ½(e^l − 1)
  gradOther(_mean, logVariance, _, into) {
    logVariance.forEach((l, j) => {
      into[j] = l < 700 ? 0.5 * Math.expm1(l) : scaledExp(0.5, l);
    });
  },
  // ½e^l
  hessOther(_mean, logVariance, _, into) {
    logVariance.forEach((l, j) => {
      into[j] = scaledExp(0.5, l);
    });
  },
};
