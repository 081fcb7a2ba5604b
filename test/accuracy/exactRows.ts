/**
 * Rows of the row losses as they are defined, at 60 digits: what the results of one row must be, and what their errors are measured by.
 * Where terms cancel to less than 1e-45 of them, as in divergences of that size, there are not enough digits.
 */
import { Decimal as Digits } from "decimal.js";

const Decimal = Digits.clone({ precision: 60, minE: -9e15, maxE: 9e15, toExpNeg: -9e15, toExpPos: 9e15 });
type Decimal = Digits;

const zero = new Decimal(0);
const one = new Decimal(1);

/** One result; errors are relative to `size`, which is the result itself unless larger terms cancel in it. */
export interface Result {
  readonly exact: Decimal;
  readonly size: Decimal;
}

/** Of one row; of `gaussianKl` the derivatives by the log variances stand behind those by the means. */
export interface ExactRow {
  readonly value: Result;
  readonly grad: readonly Result[];
  readonly hess: readonly Result[];
}

const places = new DataView(new ArrayBuffer(8));
const powersOfTwo = new Map<number, Decimal>();

/** Exactly: a Decimal made from a number is made from its shortest digits. */
export function decimal(x: number): Decimal {
  if (x === 0 || !Number.isFinite(x)) return new Decimal(x);
  places.setFloat64(0, x);
  const exponent = Math.max((places.getUint16(0) >>> 4) & 0x7ff, 1) - 1075;
  return new Decimal(x / 2 ** exponent).times(kept(powersOfTwo, exponent, () => Decimal.pow(2, exponent)));
}

function kept(known: Map<number, Decimal>, of: number, make: () => Decimal): Decimal {
  const found = known.get(of) ?? make();
  known.set(of, found);
  return found;
}

const steps = [4, -4, -12, -20, -28, -36, -44, -52, -60, -68].map((exponent) => 2 ** exponent);
const powers = new Map<number, Decimal>();

/** eˣ, a product over the digits of x to the base 256, whose powers are kept: in long rows 20 times as fast as one series each. */
export function exp(x: number): Decimal {
  if (x === -Infinity) return zero;
  let product = one;
  let rest = x;
  for (const step of steps) {
    const part = Math.round(rest / step) * step;
    if (part === 0) continue;
    product = product.times(kept(powers, part, () => decimal(part).exp()));
    rest -= part;
  }
  if (rest === 0) return product;
  const r = decimal(rest);
  return product.times(one.plus(r).plus(r.times(r).div(2)));
}

/** Where series take the place of differences. */
const NEAR = 1e-10;

function log1p(t: Decimal): Decimal {
  if (t.gt(NEAR)) return one.plus(t).ln();
  return t.times(one.minus(t.times(one.div(2).minus(t.times(one.div(3).minus(t.div(4)))))));
}

/** eˣ − 1 − x near 0. */
function bend(x: Decimal): Decimal {
  const series = [5040, 720, 120, 24, 6, 2].reduce((sum, n) => sum.times(x).plus(one.div(n)), zero);
  return series.times(x).times(x);
}

function sum(terms: readonly Decimal[]): Decimal {
  return terms.reduce((total, term) => total.plus(term), zero);
}

/** A product in which 0 stands for what does not count. */
function times(share: Decimal, x: Decimal): Decimal {
  return share.isZero() ? zero : share.times(x);
}

function larger(a: Decimal, b: Decimal): Decimal {
  return a.gt(b) ? a : b;
}

function plain(exact: Decimal): Result {
  return { exact, size: exact.abs() };
}

function among(exact: Decimal, ...terms: readonly Decimal[]): Result {
  return { exact, size: terms.map((term) => term.abs()).reduce(larger, exact.abs()) };
}

/** For each number ≥ 0 the sum of the others: by a difference only where that keeps the digits, as for all but the largest it does. */
function others(numbers: readonly Decimal[]): { total: Decimal; rest: readonly Decimal[]; top: number } {
  const top = numbers.reduce((best, x, k) => (x.gt(numbers[best] ?? zero) ? k : best), 0);
  const beside = sum(numbers.filter((_, k) => k !== top));
  const total = beside.plus(numbers[top] ?? zero);
  return { total, rest: numbers.map((x, k) => (k === top ? beside : total.minus(x))), top };
}

interface Softmax {
  readonly share: readonly Decimal[];
  /** 1 − share. */
  readonly rest: readonly Decimal[];
  /** −log share, of any class. */
  surprise(k: number): Decimal;
}

/** Of x / T. */
export function softmax(x: ArrayLike<number>, temperature = 1): Softmax {
  const T = decimal(temperature);
  const row = Array.from(x);
  const of = temperature === 1 ? exp : (v: number) => (v === -Infinity ? zero : decimal(v).div(T).exp());
  const e = row.map(of);
  const { total, rest, top } = others(e);
  const beyond = log1p((rest[top] ?? zero).div(e[top] ?? zero));
  return {
    share: e.map((v) => v.div(total)),
    rest: rest.map((v) => v.div(total)),
    surprise: (k) => {
      const v = row[k] ?? -Infinity;
      return v === -Infinity
        ? new Decimal(Infinity)
        : decimal(row[top] ?? 0)
            .minus(decimal(v))
            .div(T)
            .plus(beyond);
    },
  };
}

/** T p_k − τ_k = (T − τ_k) p_k − τ_k (1 − p_k) with T = Σ τ_c, and T p_k (1 − p_k). */
function slopes(tau: readonly Decimal[], { share, rest }: Softmax): Pick<ExactRow, "grad" | "hess"> {
  const { total, rest: beside } = others(tau);
  const grad = share.map((p, k) => {
    const up = (beside[k] ?? zero).times(p);
    const down = (tau[k] ?? zero).times(rest[k] ?? zero);
    return among(up.minus(down), up, down);
  });
  return { grad, hess: share.map((p, k) => plain(total.times(p).times(rest[k] ?? zero))) };
}

/** Of any number of kinds of target: softmax is worked out once. */
export function softmaxCrossEntropy(x: ArrayLike<number>): (target: number | ArrayLike<number>) => ExactRow {
  const q = softmax(x);
  return (target) => {
    const indexed = typeof target === "number";
    const tau = Array.from(x, (_, k) => (indexed ? (k === target ? one : zero) : decimal(target[k] ?? 0)));
    const value = indexed ? q.surprise(target) : sum(tau.map((t, k) => (t.isZero() ? zero : t.times(q.surprise(k)))));
    return { value: plain(value), ...slopes(tau, q) };
  };
}

/** p log(p/q) − p + q ≥ 0: the terms of a divergence without what cancels where Σp = Σq. */
function apart(terms: readonly Decimal[], p: readonly Decimal[], q: readonly Decimal[]): Decimal {
  const excess = terms.map((term, k) => term.minus(p[k] ?? zero).plus(q[k] ?? zero));
  const full = sum(excess).plus(sum(p).minus(sum(q)).abs());
  const plainly = sum(terms.map((term) => term.abs()));
  return full.lt(plainly) ? full : plainly;
}

export function klDivergence(x: ArrayLike<number>, y: ArrayLike<number>, epsilon: number): ExactRow {
  const q = Array.from(x, (v) => decimal(Math.max(v, epsilon)));
  const p = Array.from(y, decimal);
  const terms = p.map((a, k) => (a.isZero() ? zero : a.times(a.div(q[k] ?? zero).ln())));
  return {
    value: among(sum(terms), apart(terms, p, q)),
    grad: p.map((a, k) => plain(times(a, one.div(q[k] ?? zero)).neg())),
    hess: p.map((a, k) => plain(times(a, one.div(q[k] ?? zero).pow(2)))),
  };
}

export function klDivergenceWithLogits(x: ArrayLike<number>, y: ArrayLike<number>): ExactRow {
  const q = softmax(x);
  const p = Array.from(y, decimal);
  const terms = p.map((a, k) => (a.isZero() ? zero : a.times(a.ln().plus(q.surprise(k)))));
  const size = apart(terms, p, q.share);
  return { value: among(sum(terms), size, size.sqrt()), ...slopes(p, q) };
}

export function distillation(x: ArrayLike<number>, y: ArrayLike<number>, temperature: number): ExactRow {
  const T = decimal(temperature);
  const [q, p] = [softmax(x, temperature), softmax(y, temperature)];
  // Of p log(p/q) − p + q, which sum to the same and cancel with nothing but themselves.
  const terms = p.share.map((a, k) => {
    const b = q.share[k] ?? zero;
    if (a.isZero()) return b;
    const gap = q.surprise(k).minus(p.surprise(k));
    return gap.abs().lt(NEAR) ? a.times(bend(gap.neg())) : a.times(gap).minus(a).plus(b);
  });
  const value = sum(terms).times(T).times(T);
  const grad = q.share.map((b, k) => {
    const a = p.share[k] ?? zero;
    return among(T.times(b.minus(a)), T.times(a), T.times(b));
  });
  const hess = q.share.map((b, k) => plain(b.times(q.rest[k] ?? zero)));
  return { value: among(value, value.abs().sqrt()), grad, hess };
}

export function gaussianKl(mean: ArrayLike<number>, logVariance: ArrayLike<number>): ExactRow {
  const mu = Array.from(mean, decimal);
  const l = Array.from(logVariance, decimal);
  const bends = l.map((x) => (x.abs().lt(NEAR) ? bend(x) : x.exp().minus(1).minus(x)));
  const squares = mu.map((m) => m.times(m));
  const half = (x: Decimal): Result => plain(x.div(2));
  return {
    value: half(sum([...squares, ...bends])),
    grad: [...mu.map(plain), ...bends.map((b, k) => half(b.plus(l[k] ?? zero)))],
    hess: [...mu.map(() => plain(one)), ...l.map((x) => half(x.exp()))],
  };
}
