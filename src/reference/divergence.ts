import type { Floats } from "../engine.js";
import type { Asked, RowFormula } from "./formula.js";

/** What each addition rounds away is added at the end: Neumaier (1974), with Knuth's TwoSum. */
const sumOf = (terms: Float64Array): number => {
  let sum = 0;
  let rest = 0;
  for (let k = 0; k < terms.length; k++) {
    const x = terms[k] ?? Number.NaN;
    const next = sum + x;
    const added = next - sum;
    rest += sum - (next - added) + (x - added);
    sum = next;
  }
  return Number.isFinite(sum) ? sum + rest : sum;
};

/** What the rounding of a − b to `near` has lost, 0 where that is infinite. Knuth's TwoSum: the two add up to a − b exactly. */
const lostInDifference = (a: number, b: number, near: number): number => {
  if (!Number.isFinite(near)) return 0;
  const shift = near - a;
  return a - (near - shift) - (b + shift);
};

/** What the rounding of a · b to `product` has lost: a factor's upper 24 bits and its lower 29 have exact products with the other's upper 24. */
const lostInProduct = (a: number, b: number, product: number): number => {
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
  top = -1;
  /** (z_k − M)/T. */
  readonly gaps: Float64Array;
  /** 1 + R. */
  norm = Number.NaN;
  /** log(1 + R). */
  logNorm = Number.NaN;
  /** R, which may be subnormal. */
  private rest = Number.NaN;
  /** What the roundings of the gaps have lost, which an exponential would magnify up to 745-fold. */
  private readonly lost: Float64Array;
  /** e^((z_k − M)/T), which may be subnormal or vanish. */
  private readonly powers: Float64Array;
  private readonly terms: Float64Array;
  /** T = binary · divisor, a power of two and a number in [1, 2). */
  private readonly binary: number;
  private readonly divisor: number;

  constructor(length: number, temperature = 1) {
    this.gaps = new Float64Array(length);
    this.lost = new Float64Array(length);
    this.powers = new Float64Array(length);
    this.terms = new Float64Array(length);
    this.binary = 2 ** Math.floor(Math.log2(temperature));
    this.divisor = temperature / this.binary;
  }

  /** Takes a row of logits, which all else is about until the next. */
  read(logits: Float64Array): void {
    const { gaps, lost, powers, terms, binary, divisor } = this;
    let top = -1;
    let greatest = -Infinity;
    for (let k = 0; k < logits.length; k++) {
      const z = logits[k] ?? Number.NaN;
      if (!(z > greatest)) continue;
      top = k;
      greatest = z;
    }
    this.top = top;
    if (top < 0) greatest = Number.NaN;
    for (let k = 0; k < logits.length; k++) {
      const z = logits[k] ?? Number.NaN;
      const shift = k === top ? 0 : z - greatest;
      const dividend = shift / binary;
      const gap = dividend / divisor;
      let gapLost = 0;
      if (gap < 0 && gap > -1000) {
        gapLost = lostInDifference(z, greatest, shift) / binary;
        if (divisor !== 1) {
          const product = gap * divisor;
          gapLost = (dividend - product - lostInProduct(gap, divisor, product) + gapLost) / divisor;
        }
      }
      gaps[k] = gap;
      lost[k] = gapLost;
      const power = Math.exp(gap) * (1 + gapLost);
      powers[k] = power;
      terms[k] = k === top ? 0 : power;
    }
    this.rest = sumOf(terms);
    this.norm = 1 + this.rest;
    this.logNorm = Math.log1p(this.rest);
  }

  /** scale · e^((z_k − M)/T), which is p_k with a scale of 1 / norm. */
  times(k: number, scale: number): number {
    const own = this.powers[k] ?? Number.NaN;
    if (own > 2 ** -1000) return scale * own;
    return scaledExp(scale, this.gaps[k] ?? Number.NaN) * (1 + (this.lost[k] ?? Number.NaN));
  }

  /** scale · R. */
  private others(scale: number): number {
    if (this.rest > 2 ** -900) return scale * this.rest;
    for (let k = 0; k < this.terms.length; k++) this.terms[k] = k === this.top ? 0 : this.times(k, scale);
    return Number.isNaN(scale) ? scale : sumOf(this.terms);
  }

  /** scale · (1 − p_k); that of the greatest is the sum of the others. */
  complement(k: number, scale = 1): number {
    return k === this.top ? this.others(scale / this.norm) : scale * (1 - this.times(k, 1 / this.norm));
  }

  /** −log p_k, a sum of terms ≥ 0. */
  surprisal(k: number): number {
    return this.logNorm - (this.gaps[k] ?? Number.NaN);
  }

  /** scale · (log Σ e^(z/T) − M/T), where a small R is log(1 + R) to the last digit. */
  normalizer(scale: number): number {
    return this.rest > 2 ** -100 ? scale * this.logNorm : this.others(scale);
  }
}

/**
 * The derivatives of −Σ τ_c log p_c, with T = Σ τ_c: T p_k − τ_k, which at the greatest logit is (T − τ_k) p_k − τ_k (1 − p_k) and does not need
 * 1 − p_k from p_k; and T p_k (1 − p_k). Returns T. `terms` is room for a row.
 */
const crossEntropy = (p: Softmax, shares: Float64Array, terms: Float64Array, { grad, hess }: Asked): number => {
  const { top, norm } = p;
  const topShare = shares[top] ?? Number.NaN;
  for (let k = 0; k < shares.length; k++) terms[k] = k === top ? 0 : (shares[k] ?? Number.NaN);
  const others = sumOf(terms);
  const total = others + topShare;
  const scale = total / norm;
  if (grad !== undefined) {
    for (let k = 0; k < grad.length; k++) grad[k] = p.times(k, scale) - (shares[k] ?? Number.NaN);
    if (top >= 0) grad[top] = p.times(top, others / norm) - p.complement(top, topShare);
  }
  if (hess !== undefined) {
    for (let k = 0; k < hess.length; k++) hess[k] = p.complement(k, p.times(k, scale));
  }
  return total;
};

interface Smoothing {
  readonly labelSmoothing: number;
  readonly classWeights: Floats | undefined;
}

/** −Σ τ_c log p_c, p = softmax(x). Bridle (1990), doi:10.1007/978-3-642-76153-9_28. */
export const softmaxCrossEntropy: RowFormula<Smoothing> = (classes, { labelSmoothing, classWeights }) => {
  const p = new Softmax(classes);
  const shares = new Float64Array(classes);
  const terms = new Float64Array(classes);
  const kept = 1 - labelSmoothing;
  const spread = labelSmoothing / classes;

  return (logits, target, asked) => {
    // τ_c = w_c((1 − s) y_c + s/C): a label smoothed over C classes, Szegedy et al. (2016), arXiv:1512.00567, and weighted.
    for (let c = 0; c < classes; c++) {
      const weight = classWeights === undefined ? 1 : (classWeights[c] ?? Number.NaN);
      shares[c] = weight * (kept * (target[c] ?? Number.NaN) + spread);
    }
    p.read(logits);
    const total = crossEntropy(p, shares, terms, asked);
    if (!asked.value) return Number.NaN;
    // Σ τ_c (M − x_c) + T log(1 + R), where 0 · ∞ = 0.
    for (let c = 0; c < classes; c++) {
      const share = shares[c] ?? Number.NaN;
      terms[c] = share === 0 ? 0 : -share * (p.gaps[c] ?? Number.NaN);
    }
    return sumOf(terms) + p.normalizer(total);
  };
};

/** t − log(1 + t) for −½ ≤ t ≤ 1: with s = t/(2 + t), log(1 + t) = 2(s + s³/3 + s⁵/5 + …) and t − 2s = t s. */
const excessOfLog = (t: number): number => {
  const s = t / (2 + t);
  const square = s * s;
  let series = 0;
  for (let k = 39; k >= 3; k -= 2) series = series * square + 1 / k;
  return s * (t - 2 * square * series);
};

/**
 * Σ p log(p/q) in two ways. Its own terms are large where rows are near to each other and cancel; p log(p/q) − p + q ≥ 0 is small there, and
 * Σ(p − q) an exact sum. In rows that are far from normalised it is the other way round.
 */
class Divergence {
  readonly q: Float64Array;
  /** q − p. */
  readonly gap: Float64Array;
  /** The terms of Σ(p − q). */
  readonly balance: Float64Array;
  private readonly own: Float64Array;
  private readonly excess: Float64Array;

  constructor(length: number) {
    this.q = new Float64Array(length);
    this.gap = new Float64Array(length);
    this.balance = new Float64Array(2 * length);
    this.own = new Float64Array(length);
    this.excess = new Float64Array(length);
  }

  /** With p the target; `logQ` is log q, where q may have vanished. */
  total(target: Float64Array, logQ?: Float64Array): number {
    const { q: prediction, gap: gaps, balance, own, excess } = this;
    let size = 0;
    for (let c = 0; c < target.length; c++) {
      const p = target[c] ?? Number.NaN;
      const q = prediction[c] ?? Number.NaN;
      const gap = gaps[c] ?? Number.NaN;
      const ratio = q / p;
      if (p === 0) {
        // Nothing of its own but a NaN.
        own[c] = 0 * q;
        excess[c] = q;
      } else if (ratio > 0.5 && ratio < 2) {
        const above = p * excessOfLog(gap / p);
        own[c] = above - gap;
        excess[c] = above;
      } else {
        const usual = ratio > 2 ** -500 && ratio < 2 ** 500;
        const far = usual ? -Math.log(ratio) : Math.log(p) - (logQ?.[c] ?? Math.log(q));
        own[c] = p * far;
        excess[c] = p * far + gap;
      }
      size += Math.abs(own[c] ?? Number.NaN);
    }
    const above = sumOf(excess);
    return above <= 2 * size ? above + sumOf(balance) : sumOf(own);
  }
}

/** Σ p log(p/q), p the target, q = max(x, ε), with 0 log 0 = 0. Kullback and Leibler (1951), doi:10.1214/aoms/1177729694. */
export const klDivergence: RowFormula<{ readonly epsilon: number }> = (classes, { epsilon }) => {
  const divergence = new Divergence(classes);
  const { q: above, gap, balance } = divergence;

  return (prediction, target, { value, grad, hess }) => {
    for (let c = 0; c < classes; c++) {
      const p = target[c] ?? Number.NaN;
      const q = Math.max(prediction[c] ?? Number.NaN, epsilon);
      const empty = p === 0 && !Number.isNaN(q);
      const ratio = empty ? 0 : p / q;
      if (grad !== undefined) grad[c] = -ratio;
      // p/q², with p/q kept out of the subnormal numbers, as the second division may lead out of them.
      if (hess !== undefined) {
        if (empty) hess[c] = 0;
        else hess[c] = ratio < 2 ** -1000 ? ((p * 2 ** 100) / q / q) * 2 ** -100 : ratio / q;
      }
      above[c] = empty ? 0 : q;
      gap[c] = empty ? 0 : q - p;
      balance[2 * c] = p;
      balance[2 * c + 1] = empty ? 0 : -q;
    }
    return value ? divergence.total(target) : Number.NaN;
  };
};

/** Σ p log(p/q), p the target, q = softmax(x), with 0 log 0 = 0. Kullback and Leibler (1951), doi:10.1214/aoms/1177729694. */
export const klDivergenceWithLogits: RowFormula = (classes) => {
  const softmax = new Softmax(classes);
  const terms = new Float64Array(classes);
  const logQ = new Float64Array(classes);
  const divergence = new Divergence(classes);
  const { q, gap, balance } = divergence;

  return (logits, target, asked) => {
    softmax.read(logits);
    crossEntropy(softmax, target, terms, asked);
    if (!asked.value) return Number.NaN;
    const { top } = softmax;
    const unit = 1 / softmax.norm;
    for (let c = 0; c < classes; c++) {
      const p = target[c] ?? Number.NaN;
      const own = softmax.times(c, unit);
      q[c] = own;
      gap[c] = c === top && p > 0.5 ? 1 - p - softmax.complement(c) : own - p;
      logQ[c] = -softmax.surprisal(c);
    }
    // Σ p − 1: with the rounded q it would be off.
    balance.set(target);
    balance[classes] = -1;
    return divergence.total(target, logQ);
  };
};

/** (e^v − 1 − v) / v² for |v| ≤ 1, by its series. */
const excessOfExp = (v: number): number => {
  let series = 1;
  for (let k = 22; k >= 3; k--) series = 1 + (v / k) * series;
  return 0.5 * series;
};

/**
 * v_c = log(q_c/p_c) of two softmaxes.
 *
 * With a_c = (x_c − t_c)/T less the same at the teacher's greatest logit, v_c = a_c − log Σ p e^a = a_c − log(1 + Σ p(e^a − 1)):
 * near-equal rows keep their digits. Returns whether they are that good.
 */
const compare = (
  p: Softmax,
  q: Softmax,
  logits: Float64Array,
  teacherLogits: Float64Array,
  temperature: number,
  terms: Float64Array,
  v: Float64Array,
): boolean => {
  const { top } = p;
  const x = logits[top] ?? Number.NaN;
  const t = teacherLogits[top] ?? Number.NaN;
  const offset = x - t;
  const offsetLost = lostInDifference(x, t, offset);
  const unit = 1 / p.norm;
  const scale = p.times(top, unit) / q.times(top, 1);
  for (let c = 0; c < v.length; c++) {
    const x = logits[c] ?? Number.NaN;
    const t = teacherLogits[c] ?? Number.NaN;
    const residual = x - t;
    const shift = residual - offset;
    const lost = lostInDifference(x, t, residual) - offsetLost + lostInDifference(residual, offset, shift);
    const a = (shift + lost) / temperature;
    const own = p.times(c, unit);
    terms[c] = Math.abs(a) <= 1 ? own * Math.expm1(a) : q.times(c, scale) - own;
    v[c] = a;
  }
  const grown = sumOf(terms);
  const near = Math.abs(grown) < 0.5;
  const base = near ? -Math.log1p(grown) : p.surprisal(top) - q.surprisal(top);
  for (let c = 0; c < v.length; c++) {
    const a = v[c] ?? Number.NaN;
    v[c] = Number.isFinite(a) ? a + base : p.surprisal(c) - q.surprisal(c);
  }
  return near;
};

/** T² Σ p log(p/q), p = softmax(t/T), q = softmax(x/T). Hinton et al. (2015), arXiv:1503.02531. */
export const distillation: RowFormula<{ readonly temperature: number }> = (classes, { temperature }) => {
  const p = new Softmax(classes, temperature);
  const q = new Softmax(classes, temperature);
  const v = new Float64Array(classes);
  const terms = new Float64Array(classes);

  return (logits, teacherLogits, { value, grad, hess }) => {
    p.read(teacherLogits);
    q.read(logits);
    const near = compare(p, q, logits, teacherLogits, temperature, terms, v);
    const pScale = temperature / p.norm;
    const qScale = temperature / q.norm;
    for (let c = 0; c < classes; c++) {
      const ratio = v[c] ?? Number.NaN;
      const own = p.times(c, pScale);
      const other = q.times(c, qScale);
      const small = Math.abs(ratio) <= 1;
      const excess = small ? ratio * excessOfExp(ratio) : 0;
      // As Σ p = Σ q, a sum of p (e^v − 1 − v) = q − p − p v ≥ 0. With T inside, as neither T² nor v² need be a number.
      if (small) terms[c] = own * (temperature * ratio) * excess;
      else terms[c] = temperature * (own === 0 ? other : other - own - own * ratio);
      // T (q − p) = T p (e^v − 1)
      if (grad !== undefined) grad[c] = near && small ? own * (ratio + ratio * excess) : other - own;
    }
    // q (1 − q)
    if (hess !== undefined) {
      const unit = 1 / q.norm;
      for (let c = 0; c < classes; c++) hess[c] = q.complement(c, q.times(c, unit));
    }
    return value ? sumOf(terms) : Number.NaN;
  };
};

/** ½ Σ (μ² + e^l − 1 − l), N(μ, e^l) from N(0, 1). Kingma and Welling (2014), arXiv:1312.6114. */
export const gaussianKl: RowFormula = (latent) => {
  const terms = new Float64Array(latent);

  return (mean, logVariance, { value, grad, hess, gradOther, hessOther }) => {
    for (let j = 0; j < latent; j++) {
      const mu = mean[j] ?? Number.NaN;
      const l = logVariance[j] ?? Number.NaN;
      const half = scaledExp(0.5, l);
      const small = Math.abs(l) <= 1;
      // ½(e^l − 1 − l) ≥ 0
      let excess = half - 0.5 - 0.5 * l;
      if (small) excess = 0.5 * l * l * excessOfExp(l);
      else if (half === Infinity) excess = half;
      terms[j] = 0.5 * mu * mu + excess;
      if (grad !== undefined) grad[j] = mu;
      if (hess !== undefined) hess[j] = Number.isNaN(mu) ? Number.NaN : 1;
      // ½(e^l − 1)
      if (gradOther !== undefined) gradOther[j] = small ? 0.5 * l + excess : half - 0.5;
      // ½e^l
      if (hessOther !== undefined) hessOther[j] = half;
    }
    return value ? sumOf(terms) : Number.NaN;
  };
};
