/** What errors of row losses are measured by where terms of opposite sign cancel: the largest of them, in double precision. */
import { exactSum } from "../bits.js";
import type { Batch, Kind, RowOptions } from "./implementations.js";

export interface Terms {
  /** Of a row's value, to be taken with the value itself. */
  value(row: number, value: number): number;
  /** Of an entry of the gradient by the prediction. */
  grad(k: number): number;
}

export function termsOf(kind: Kind, batch: Batch, settings: RowOptions = {}): Terms {
  const { prediction, target, length } = batch;
  if (kind.name === "gaussianKl") return { value: () => 0, grad: () => 0 };
  if (kind.name === "klDivergence") {
    const epsilon = Number(settings.epsilon ?? 1e-7);
    const sumOf = (row: number, of: (p: number, q: number) => number) =>
      exactSum(
        Array.from({ length }, (_, c) => {
          const [p, q] = [Number(target[row * length + c]), Number(prediction[row * length + c])];
          return p === 0 ? 0 : of(p, Math.max(q, epsilon));
        }),
      );
    // Σ p log(p/q) = Σ (p log(p/q) − p + q) + Σ (p − q), of which the first has no negative terms.
    const balance = (row: number) => Math.abs(sumOf(row, (p, q) => p - q));
    const size = (row: number) => sumOf(row, (p, q) => Math.abs(p * Math.log(p / q)));
    return { value: (row) => Math.min(balance(row), size(row)), grad: () => 0 };
  }
  const temperature = Number(settings.temperature ?? 1);
  const q = softmax(prediction, length, temperature);
  if (kind.name === "distillation") {
    const p = softmax(target, length, temperature);
    return {
      value: (_, value) => Math.sqrt(Math.abs(value)),
      grad: (k) => temperature * Math.max(p.share(k), q.share(k)),
    };
  }
  const tau = weighted(kind, batch, settings);
  const beside = others(tau, length);
  const grad = (k: number) => Math.max(beside.rest(k) * q.share(k), (tau[k] ?? 0) * q.rest(k));
  if (kind.name === "softmaxCrossEntropy") return { value: () => 0, grad };
  const off = (row: number) => Math.abs(beside.total(row) - 1);
  return { value: (row, value) => off(row) + Math.sqrt(off(row) + Math.abs(value)), grad };
}

/** τ_c = w_c((1 − s) y_c + s/C), or the target itself. */
function weighted({ name, targets }: Kind, { rows, target, length, classWeights }: Batch, settings: RowOptions) {
  const smoothing = Number(settings.labelSmoothing ?? 0);
  return Float64Array.from({ length: rows * length }, (_, k) => {
    const own = k % length;
    const share = targets === "floats" ? Number(target[k]) : Number(target[Math.floor(k / length)] === own);
    if (name !== "softmaxCrossEntropy") return share;
    return (settings.classWeights ? (classWeights[own] ?? 0) : 1) * ((1 - smoothing) * share + smoothing / length);
  });
}

export interface Shares {
  /** softmax(x)_k. */
  share(k: number): number;
  /** 1 − softmax(x)_k, by no difference. */
  rest(k: number): number;
}

/** Of rows of logits. */
export function softmax(logits: ArrayLike<number>, length: number, temperature = 1): Shares {
  const powers = Float64Array.from(logits);
  for (let from = 0; from < powers.length; from += length) {
    const row = powers.subarray(from, from + length);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    row.forEach((x, k) => {
      row[k] = Math.exp((x - most) / temperature);
    });
  }
  const { total, rest } = others(powers, length);
  return {
    share: (k) => (powers[k] ?? NaN) / total(Math.floor(k / length)),
    rest: (k) => rest(k) / total(Math.floor(k / length)),
  };
}

/** Each row's sum, and for each entry that of all others in its row. */
function others(array: Float64Array, length: number) {
  const before = new Float64Array(array.length);
  const after = new Float64Array(array.length);
  for (let from = 0; from < array.length; from += length) {
    let sum = 0;
    for (let k = from; k < from + length; k++) {
      before[k] = sum;
      sum += array[k] ?? NaN;
    }
    sum = 0;
    for (let k = from + length - 1; k >= from; k--) {
      after[k] = sum;
      sum += array[k] ?? NaN;
    }
  }
  const last = (row: number) => (row + 1) * length - 1;
  return {
    total: (row: number) => (before[last(row)] ?? NaN) + (array[last(row)] ?? NaN),
    rest: (k: number) => (before[k] ?? NaN) + (after[k] ?? NaN),
  };
}
