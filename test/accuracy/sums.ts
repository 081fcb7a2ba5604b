/** Sums and means of ten million losses of mixed magnitudes against exact sums of the very same losses. */
import type * as simdloss from "../../src/index.js";
import { random } from "../random.js";
import { writeReport } from "./report.js";
import { print, withBar } from "./table.js";

type Floats = Float32Array | Float64Array;
type Draw = () => number;

const precisions = [
  { type: "float32", Type: Float32Array, bound: 1e-7 },
  { type: "float64", Type: Float64Array, bound: 1e-15 },
] as const;

/** Errors relative to the sum of the absolute losses. */
export interface SumVerdict {
  readonly loss: string;
  readonly type: (typeof precisions)[number]["type"];
  readonly weighted: boolean;
  readonly bound: number;
  readonly sum: number;
  readonly mean: number;
}

/** What every loss of elements or of rows can be called with here. */
interface Summed {
  (x: Floats, y: Floats, options: object): number | Floats;
  total(x: Floats, y: Floats, options: object): simdloss.Total;
}

interface Options {
  readonly weights: Floats | undefined;
}

export type Losses = Pick<
  typeof simdloss,
  | "mae"
  | "mse"
  | "rmse"
  | "huber"
  | "logCosh"
  | "charbonnier"
  | "bce"
  | "bceWithLogits"
  | "focal"
  | "focalWithLogits"
  | "softmaxCrossEntropy"
  | "klDivergence"
  | "klDivergenceWithLogits"
  | "distillation"
  | "gaussianKl"
>;

const powers = Float64Array.from({ length: 128 }, (_, k) => 2 ** (k - 64));
/** With that floor of its binary logarithm: a table, as `**` would take most of the time. */
const magnitude = (draw: Draw, logarithm: number): number => (1 + draw()) * (powers[Math.floor(logarithm) + 64] ?? 0);
const sign = (draw: Draw): number => (draw() < 0.5 ? -1 : 1);
/** From 2⁻³⁰ to 2³⁰, most of them small. */
const residual = (draw: Draw): number => sign(draw) * magnitude(draw, 60 * draw() ** 2 - 30);
/** From 2⁻²⁰ to 2¹⁰. */
const logit = (draw: Draw): number => sign(draw) * magnitude(draw, 30 * draw() - 20);
/** As near to 0 and to 1 as 2⁻³⁰. */
const probability = (draw: Draw): number => {
  const small = magnitude(draw, -1 - 30 * draw());
  return draw() < 0.5 ? small : 1 - small;
};
const label = (draw: Draw): number => Number(draw() < 0.5);
const weight = (draw: Draw): number => (draw() < 0.1 ? 0 : magnitude(draw, 40 * draw() - 20));

/** Losses of elements take a number of each, losses of rows two of each a row, so that probabilities can sum to 1. */
interface Group {
  readonly names: readonly (keyof Losses)[];
  readonly x: (draw: Draw) => number;
  readonly y: (draw: Draw) => number;
  readonly options?: object;
  /** Whether each second number of x, and of y, is 1 less the one before. */
  readonly shares?: readonly [boolean, boolean];
}

const groups: readonly Group[] = [
  { names: ["mae", "mse", "rmse", "huber", "logCosh", "charbonnier"], x: residual, y: residual },
  { names: ["bce", "focal"], x: probability, y: label },
  { names: ["bceWithLogits", "focalWithLogits"], x: logit, y: label },
  {
    names: ["softmaxCrossEntropy", "klDivergenceWithLogits"],
    x: logit,
    y: probability,
    options: { classes: 2 },
    shares: [false, true],
  },
  { names: ["klDivergence"], x: probability, y: probability, options: { classes: 2 }, shares: [true, true] },
  { names: ["distillation"], x: logit, y: logit, options: { classes: 2 }, shares: [false, false] },
  {
    names: ["gaussianKl"],
    x: residual,
    y: (draw) => Math.max(-40, Math.min(40, residual(draw))),
    options: { latent: 2 },
    shares: [false, false],
  },
];

function fill(n: number, draw: Draw, one: (draw: Draw) => number, share = false): Float64Array<ArrayBuffer> {
  const array = new Float64Array(n);
  for (let k = 0; k < n; k++) array[k] = share && k % 2 ? 1 - (array[k - 1] ?? 0) : one(draw);
  return array;
}

const CHUNK = 2 ** 20;
const chunk = new Float64Array(CHUNK);
const words = new Uint32Array(chunk.buffer);

/** Of numbers, and of what they are but for their signs. */
interface ExactSum {
  readonly sum: bigint;
  readonly size: bigint;
}

/** In units of 2⁻¹⁰⁷⁴: mantissas are added up exponent by exponent, and these sums as large integers. */
export function exactSum(numbers: Floats): ExactSum {
  let positive = 0n;
  let negative = 0n;
  for (let from = 0; from < numbers.length; from += CHUNK) {
    const part = numbers.subarray(from, from + CHUNK);
    chunk.set(part);
    // By sign and exponent the sums of the upper 21 bits of mantissas and of their lower 32: of 2²⁰ numbers less than 2⁵³.
    const upper = new Float64Array(4096);
    const lower = new Float64Array(4096);
    for (let k = 0; k < part.length; k++) {
      const high = words[2 * k + 1] ?? 0;
      const place = high >>> 20;
      const leading = (place & 0x7ff) === 0 ? 0 : 0x100000;
      upper[place] = (upper[place] ?? 0) + ((high & 0xfffff) | leading);
      lower[place] = (lower[place] ?? 0) + (words[2 * k] ?? 0);
    }
    upper.forEach((bits, place) => {
      const exponent = place & 0x7ff;
      if (exponent === 0x7ff && bits !== 0) throw new RangeError("a loss is not finite");
      const mantissas = (BigInt(bits) << 32n) + BigInt(lower[place] ?? 0);
      const sum = mantissas << BigInt(Math.max(exponent, 1) - 1);
      if (place < 2048) positive += sum;
      else negative += sum;
    });
  }
  return { sum: positive - negative, size: positive + negative };
}

const UNIT = 1074n;

function fixed(x: number): bigint {
  return exactSum(Float64Array.of(x)).sum;
}

/** |a − b| / size. */
function relative(a: bigint, b: bigint, size: bigint): number {
  const off = a > b ? a - b : b - a;
  return Number((off << 100n) / size) / 2 ** 100;
}

/** What sums and means are of, exactly. */
function exactly(values: number | Floats, weights: Floats | undefined): ExactSum & { weight: bigint } {
  if (typeof values === "number") throw new TypeError("one value for all");
  const weight = weights === undefined ? BigInt(values.length) << UNIT : exactSum(weights).sum;
  return { ...exactSum(values), weight };
}

type Errors = Pick<SumVerdict, "sum" | "mean">;

function errorsOf(loss: Summed, x: Floats, y: Floats, options: Options): Errors {
  const { sum, size, weight } = exactly(loss(x, y, { ...options, reduction: "none" }), options.weights);
  const gotSum = Number(loss(x, y, { ...options, reduction: "sum" }));
  const gotMean = Number(loss(x, y, options));
  return {
    sum: relative(fixed(gotSum), sum, size),
    mean: relative(fixed(gotMean) * weight, sum << UNIT, size << UNIT),
  };
}

/** Of squares, and of the root of their mean, which has half the mean's relative error. */
function errorsOfRoot({ rmse, mse }: Losses, x: Floats, y: Floats, options: Options): Errors {
  const { sum, size, weight } = exactly(mse(x, y, { ...options, reduction: "none" }), options.weights);
  return {
    sum: relative(fixed(rmse.total(x, y, options).sum), sum, size),
    mean: relative(fixed(rmse(x, y, options)) ** 2n * weight, sum << (2n * UNIT), size << (2n * UNIT)) / 2,
  };
}

function isSummed(loss: unknown): loss is Summed {
  return typeof loss === "function" && "total" in loss;
}

/** Of n numbers. */
export function judgeSums(losses: Losses, n: number, onLoss: () => void = () => {}): SumVerdict[] {
  const verdicts: SumVerdict[] = [];
  const allWeights = fill(n, random(0), weight);
  for (const { names, x, y, shares, options } of groups) {
    const draw = random(names.length);
    const wide = [fill(n, draw, x, shares?.[0]), fill(n, draw, y, shares?.[1])];
    const wideWeights = shares ? allWeights.subarray(n / 2) : allWeights;
    for (const { type, Type, bound } of precisions) {
      const [prediction = new Type(0), target = new Type(0)] = wide.map((array) => Type.from(array));
      for (const name of names) {
        for (const weights of [undefined, Type.from(wideWeights)]) {
          const given = { ...options, weights };
          const loss: unknown = losses[name];
          if (!isSummed(loss)) throw new TypeError(`${name} is no loss`);
          const errors =
            name === "rmse"
              ? errorsOfRoot(losses, prediction, target, given)
              : errorsOf(loss, prediction, target, given);
          verdicts.push({ loss: name, type, weighted: weights !== undefined, bound, ...errors });
        }
        onLoss();
      }
    }
  }
  return verdicts;
}

export function beyond(verdicts: readonly SumVerdict[]): SumVerdict[] {
  return verdicts.filter(({ sum, mean, bound }) => !(sum <= bound && mean <= bound));
}

/** Prints and writes the errors of sums of ten million numbers, and returns whether all are within their bounds. */
export async function proveSums(losses: Losses, { out }: { out: string }): Promise<boolean> {
  const started = performance.now();
  const n = 1e7;
  const count = precisions.length * groups.reduce((sum, { names }) => sum + names.length, 0);
  const verdicts = await withBar("sums", count, "times 10,000,000 numbers", async (onDone) =>
    judgeSums(losses, n, () => onDone(1)),
  );
  print(
    ["loss", "weights", "float32 sum", "mean", "float64 sum", "mean"],
    ["loss", "weights"],
    verdicts
      .filter(({ type }) => type === "float32")
      .map(({ loss, weighted }) => {
        const both = verdicts.filter((verdict) => verdict.loss === loss && verdict.weighted === weighted);
        const errors = both.flatMap(({ sum, mean }) => [sum, mean].map((error) => error.toExponential(1)));
        return [loss, weighted ? "2⁻²⁰…2²⁰, and 0" : "", ...errors];
      }),
  );
  const failed = beyond(verdicts).length;
  const bounds = precisions.map(({ bound }) => bound.toExponential()).join(" and ");
  console.log(
    `sums: errors by the sum of the absolute losses; the bounds are ${bounds}, ${failed} of ${verdicts.length} are beyond them.`,
  );
  writeReport(out, "sums", started, { n, verdicts });
  return failed === 0;
}
