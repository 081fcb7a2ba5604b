/** The kernels of the row losses against the reference, in relative error: every small shape, long rows, every offset and spread. */
import { describe, expect, it } from "vitest";
import { exactSum, rounded } from "../bits.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { types } from "../implementations.js";
import { fill, random } from "../random.js";
import type { Batch, Kind, RowOptions } from "./implementations.js";
import {
  drawRows,
  fieldsOf,
  kinds,
  rowImplementations,
  rowSettings,
  rowSuites,
  rowsOf,
  showSettings,
  titleOf,
} from "./implementations.js";
import { termsOf } from "./terms.js";

const wasm = rowsOf(rowImplementations.wasm);
const reference = rowsOf(rowImplementations.reference);

const EACH = { reduction: "none" } as const;

/** The same batch for the reference, in double precision: its inputs as they are, its options as they were rounded. */
function widened(batch: Batch): Batch {
  const { prediction, target, weights, classWeights } = batch;
  return {
    ...batch,
    prediction: Float64Array.from(prediction),
    target: target instanceof Int32Array ? target : Float64Array.from(target),
    weights: Float64Array.from(weights),
    classWeights: Float64Array.from(classWeights),
  };
}

function roundedTo(Type: FloatsConstructor, settings: RowOptions, { classWeights }: Batch): RowOptions {
  const entries = Object.entries(settings).map(([name, value]) =>
    name === "classWeights"
      ? ([name, classWeights] as const)
      : ([name, typeof value === "number" ? rounded(Type, value) : value] as const),
  );
  return Object.fromEntries(entries);
}

/** Fails where the kernels are further off than the bounds allow. */
function expectClose(kind: Kind, Type: FloatsConstructor, batch: Batch, settings: RowOptions): void {
  const { prediction, target, options, rows, length } = batch;
  // In float64 each of the two has its own error, in float32 the reference has next to none.
  const [close, least, leastNormal] =
    Type === Float32Array ? ([1e-6, 2 ** -149, 2 ** -126] as const) : ([2e-14, 2 ** -1073, 2 ** -1022] as const);
  const wide = widened(batch);
  const wideSettings = roundedTo(Type, settings, wide);
  const terms = termsOf(kind, wide, wideSettings);
  const got = wasm[kind.name].valueGradHess(prediction, target, { ...options, ...settings, ...EACH });
  const right = reference[kind.name].valueGradHess(wide.prediction, wide.target, {
    ...options,
    ...wideSettings,
    ...EACH,
  });
  const rights = new Map(fieldsOf(right));
  for (const [field, results] of fieldsOf(got)) {
    const exact = rights.get(field);
    if (typeof results !== "object" || typeof exact !== "object") throw new Error(`${field} is no array`);
    const what = `${titleOf(kind)} ${showSettings(settings)}, ${rows} rows of ${length}: ${field}`;
    expect(results.length, what).toBe(exact.length);
    const term =
      field === "value" ? (k: number) => terms.value(k, exact[k] ?? NaN) : field === "grad" ? terms.grad : () => 0;
    exact.forEach((expected, k) => {
      const result = results[k] ?? NaN;
      const size = Math.max(Math.abs(expected), term(k));
      const most = close * size + (Math.abs(expected) < leastNormal ? least : 0);
      if (Math.abs(result - expected) <= most) return;
      const off = `off by ${Math.abs(result - expected) / size} of ${size}, more than ${close}`;
      expect.fail(`${what} is ${result}, expected ${expected} at ${k}: ${off}`);
    });
  }
}

const ofRows = types.flatMap((Type) => kinds.map((kind) => ({ Type, kind })));

describe.each(ofRows)("$Type.name $kind.name of $kind.targets", ({ Type, kind }) => {
  it("of 0 to 9 rows of 1 to 67 numbers", () => {
    for (let length = 1; length <= 67; length++) {
      for (let rows = 0; rows <= 9; rows++) {
        const batch = drawRows(kind, Type, rows, length, 100 * length + rows);
        for (const settings of rowSettings(kind, batch)) expectClose(kind, Type, batch, settings);
      }
    }
  });

  it.each([
    [3, 1000],
    [3, 5000],
    [3, 50_257],
    [1, 100_000],
  ])("of %i rows of %i numbers", (rows, length) => {
    const batch = drawRows(kind, Type, rows, length, length);
    const settings = rowSettings(kind, batch);
    const chosen = length > 5000 ? [...settings.slice(0, 1), ...settings.slice(-1)] : settings;
    for (const options of chosen) expectClose(kind, Type, batch, options);
  });

  it.runIf(kind.spec.arrays[0] === "logits")("of logits of every spread and offset", () => {
    const draw = random(41);
    for (const length of [2, 5, 33, 257]) {
      for (const spread of [1e-6, 1e-3, 0.1, 3, 30, 100, 750, 1e4]) {
        for (const offset of [0, 1e4, -1e4, 333.3, 1e7]) {
          const batch = drawRows(kind, Type, 4, length, length);
          const logits = () => fill(Type, 4 * length, () => spread * (2 * draw() - 1) + offset);
          const target = kind.name === "distillation" ? logits() : batch.target;
          const moved = { ...batch, prediction: logits(), target };
          for (const settings of rowSettings(kind, batch)) expectClose(kind, Type, moved, settings);
        }
      }
    }
  });

  it("of every magnitude that a number can have", () => {
    const draw = random(42);
    const [low, high] = Type === Float32Array ? [-149, 127] : [-1074, 1023];
    const magnitude = (from: number, to: number) => 2 ** (from + (to - from) * draw());
    for (const length of [1, 2, 7, 33]) {
      for (let round = 0; round < 20; round++) {
        const batch = drawRows(kind, Type, 4, length, round);
        const { prediction, target } = batch;
        const sign = () => (draw() < 0.5 ? -1 : 1);
        const drawn = {
          softmaxCrossEntropy: () => sign() * magnitude(low, high - 2),
          // Quotients and their squares are to be numbers.
          klDivergence: () => magnitude(low / 4, high / 4),
          klDivergenceWithLogits: () => sign() * magnitude(low, high - 2),
          distillation: () => sign() * magnitude(low, high / 2),
          gaussianKl: () => sign() * magnitude(low, high / 2 - 1),
        }[kind.name];
        const other = {
          softmaxCrossEntropy: undefined,
          klDivergence: () => magnitude(low / 4, high / 4),
          klDivergenceWithLogits: undefined,
          distillation: () => sign() * magnitude(low, high / 2),
          gaussianKl: () => Math.max(-1e4, Math.min(sign() * magnitude(low, 9), Type === Float32Array ? 80 : 700)),
        }[kind.name];
        const large = {
          ...batch,
          prediction: prediction.map(drawn),
          target: other === undefined || target instanceof Int32Array ? target : target.map(other),
        };
        for (const settings of rowSettings(kind, batch)) expectClose(kind, Type, large, settings);
      }
    }
  });
});

describe.each(rowSuites)("$implementation $Type.name", ({ losses, Type }) => {
  const close = Type === Float32Array ? 1e-7 : 1e-15;
  const near = (got: number, right: number) => expect(Math.abs(got / right - 1)).toBeLessThanOrEqual(close);

  it("adds the losses of many rows of mixed magnitude up", () => {
    const n = 300_001;
    const draw = random(43);
    const mean = fill(Type, n, () => 2 ** (60 * draw() ** 2 - 30));
    const logVariance = new Type(n);
    const squares = Float64Array.from(mean, (mu) => (mu * mu) / 2);
    const right = exactSum(squares);
    near(losses.gaussianKl.total(mean, logVariance, { latent: 1 }).sum, right);
    near(losses.gaussianKl(mean, logVariance, { latent: 1, reduction: "sum" }), right);
    near(losses.gaussianKl(mean, logVariance, { latent: 1 }), right / n);
    const weights = fill(Type, n, () => (draw() < 0.1 ? 0 : 2 ** (40 * draw() - 20)));
    const weighted = exactSum(squares.map((square, k) => square * (weights[k] ?? NaN)));
    const total = losses.gaussianKl.total(mean, logVariance, { latent: 1, weights });
    near(total.sum, weighted);
    near(total.weight, exactSum(weights));
  });

  it("adds one loss again and again up, rounded to one side each time", () => {
    const [rows, classes] = [200_003, 3];
    const logits = fill(Type, rows * classes, (k) => [0.1, 0.2, 0.7][k % 3] ?? NaN);
    const labels = new Uint8Array(rows).fill(1);
    const [own = NaN] = losses.softmaxCrossEntropy(Float64Array.from(logits.subarray(0, 3)), labels.subarray(0, 1), {
      reduction: "none",
    });
    // One row's own error is that of the sum, and no more.
    const most = Type === Float32Array ? 1e-6 : 1e-14;
    const { sum, weight } = losses.softmaxCrossEntropy.total(logits, labels);
    expect(Math.abs(sum / (rows * own) - 1)).toBeLessThanOrEqual(most);
    expect(weight).toBe(rows);
  });

  it("averages over weights that only their sum can hold", () => {
    const rows = 4096;
    const mean: Floats = fill(Type, rows, (k) => k % 7);
    const weights = fill(Type, rows, (k) => (k === 5 ? 2 ** 20 : 2 ** -20));
    const right = exactSum(Float64Array.from(mean, (mu, k) => ((mu * mu) / 2) * (weights[k] ?? NaN)));
    near(losses.gaussianKl(mean, new Type(rows), { latent: 1, weights }), right / exactSum(weights));
  });
});
