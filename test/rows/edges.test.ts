/** The ends of the numbers and of the shapes: infinities, zeros, confident rows, labels that are none, rows of one and of a million. */
import { describe, expect, it } from "vitest";
import { exactSum, expectBits, expectValue, rounded } from "../bits.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { types } from "../implementations.js";
import { fill } from "../random.js";
import type { Batch, Kind, RowName, RowOptions, RowResults } from "./implementations.js";
import {
  byPrediction,
  drawRows,
  fieldsOf,
  rowImplementations,
  rowSettings,
  rowSpecs,
  rowSubjects,
  rowsOf,
  showSettings,
  typedRowSubjects,
} from "./implementations.js";

const EACH = { reduction: "none" } as const;
const { LN2 } = Math;
const at = (array: ArrayLike<number>, k: number): number => array[k] ?? NaN;

/** A row, a label or the other array's row, and its results: exact, or the nearest float64. */
type Edge = readonly [
  x: readonly number[],
  y: number | readonly number[],
  value: number,
  grad: readonly number[],
  hess: readonly number[],
];

const none = [NaN, NaN];

const edges: readonly { readonly of: RowName; readonly at?: RowOptions; readonly rows: readonly Edge[] }[] = [
  {
    of: "softmaxCrossEntropy",
    rows: [
      [[0, 0], 0, LN2, [-0.5, 0.5], [0.25, 0.25]],
      [[-Infinity, 0, 0], 1, LN2, [0, -0.5, 0.5], [0, 0.25, 0.25]],
      [[-Infinity, 3], 1, 0, [0, 0], [0, 0]],
      [[-Infinity, 0], 0, Infinity, [-1, 1], [0, 0]],
      [[Infinity, 0, 1], 0, 0, [0, 0, 0], [0, 0, 0]],
      [[Infinity, 0, 1], 1, Infinity, [1, -1, 0], [0, 0, 0]],
      [[Infinity, -Infinity], 0, 0, [0, 0], [0, 0]],
      [[Infinity, -Infinity], 1, Infinity, [1, -1], [0, 0]],
      [[Infinity, Infinity], 0, NaN, none, none],
      [[-Infinity, -Infinity], 0, NaN, none, none],
      [[5], 0, 0, [0], [0]],
      [[Infinity], 0, 0, [0], [0]],
      [[3e38, -3e38], 0, 0, [0, 0], [0, 0]],
      [[3e38, -3e38], 1, 6e38, [1, -1], [0, 0]],
      [[3e38, 3e38], 1, LN2, [0.5, -0.5], [0.25, 0.25]],
      [[-3e38, -3e38], 1, LN2, [0.5, -0.5], [0.25, 0.25]],
      [[-3e38, 0], 0, 3e38, [-1, 1], [0, 0]],
      // As soft targets.
      [[-Infinity, 0, 0], [0, 1, 0], LN2, [0, -0.5, 0.5], [0, 0.25, 0.25]],
      [[-Infinity, 0], [0.5, 0.5], Infinity, [-0.5, 0.5], [0, 0]],
      [[Infinity, 0], [1, 0], 0, [0, 0], [0, 0]],
      [[Infinity, 0], [0.5, 0.5], Infinity, [0.5, -0.5], [0, 0]],
      [[Infinity, Infinity], [0.5, 0.5], NaN, none, none],
      [[-Infinity, -Infinity], [0.5, 0.5], NaN, none, none],
      [[3e38, -3e38], [0.5, 0.5], 3e38, [0.5, -0.5], [0, 0]],
      [[1, 2], [0, 0], 0, [0, 0], [0, 0]],
      [[1, 2], [-0, -0], 0, [0, 0], [0, 0]],
      [[5], [2], 0, [0], [0]],
      [[0, 0], [3, 1], 4 * LN2, [-1, 1], [1, 1]],
    ],
  },
  {
    // Smoothed labels have weight in every class.
    of: "softmaxCrossEntropy",
    at: { labelSmoothing: 0.5 },
    rows: [
      [[0, 0], 1, LN2, [0.25, -0.25], [0.25, 0.25]],
      [[-Infinity, 0], 1, Infinity, [-0.25, 0.25], [0, 0]],
      [[Infinity, 0], 0, Infinity, [0.25, -0.25], [0, 0]],
      [[5], 0, 0, [0], [0]],
    ],
  },
  {
    of: "softmaxCrossEntropy",
    at: { labelSmoothing: 1 },
    rows: [
      [[0, 0, 0, 0], 1, 2 * LN2, [0, 0, 0, 0], [3 / 16, 3 / 16, 3 / 16, 3 / 16]],
      [[5], 0, 0, [0], [0]],
    ],
  },
  {
    // A class of no weight is off target, whatever the label.
    of: "softmaxCrossEntropy",
    at: { classWeights: [0, 2] },
    rows: [
      [[-Infinity, 0], 0, 0, [0, 0], [0, 0]],
      [[-Infinity, 0], [0.5, 0.5], 0, [0, 0], [0, 0]],
      [[0, 0], 1, 2 * LN2, [1, -1], [0.5, 0.5]],
      [[Infinity, 0], 0, 0, [0, 0], [0, 0]],
    ],
  },
  {
    of: "klDivergence",
    at: { epsilon: 0 },
    rows: [
      [[0, 1], [0, 1], 0, [0, -1], [0, 1]],
      [[-0, 1], [-0, 1], 0, [0, -1], [0, 1]],
      [[0, 1], [1, 0], Infinity, [-Infinity, 0], [Infinity, 0]],
      [[-0, 1], [1, 0], Infinity, [-Infinity, 0], [Infinity, 0]],
      [[0.5, 0.5], [1, 0], LN2, [-2, 0], [4, 0]],
      [[0.5, 0.5], [0, 0], 0, [0, 0], [0, 0]],
      [[1], [2], 2 * LN2, [-2], [2]],
      [[2], [1], -LN2, [-0.5], [0.25]],
      [[Infinity, 1], [0, 1], 0, [0, -1], [0, 1]],
      [[Infinity, 1], [0.5, 0.5], -Infinity, [0, -0.5], [0, 0.5]],
      [[1, 1], [Infinity, 0], Infinity, [-Infinity, 0], [Infinity, 0]],
    ],
  },
  {
    // Below ε everything is taken at ε: the gradient does not die.
    of: "klDivergence",
    at: { epsilon: 2 ** -20 },
    rows: [
      [[0, 1], [1, 0], 20 * LN2, [-(2 ** 20), 0], [2 ** 40, 0]],
      [[2 ** -30, 1], [1, 0], 20 * LN2, [-(2 ** 20), 0], [2 ** 40, 0]],
      [[2 ** -20, 1], [1, 0], 20 * LN2, [-(2 ** 20), 0], [2 ** 40, 0]],
      [[0, 1], [0, 1], 0, [0, -1], [0, 1]],
    ],
  },
  {
    of: "klDivergenceWithLogits",
    rows: [
      [[0, 0], [1, 0], LN2, [-0.5, 0.5], [0.25, 0.25]],
      [[0, 0], [0.5, 0.5], 0, [0, 0], [0.25, 0.25]],
      [[-Infinity, 0], [0, 1], 0, [0, 0], [0, 0]],
      [[-Infinity, 0], [0.5, 0.5], Infinity, [-0.5, 0.5], [0, 0]],
      [[Infinity, 0], [1, 0], 0, [0, 0], [0, 0]],
      [[Infinity, 0], [0, 1], Infinity, [1, -1], [0, 0]],
      [[Infinity, Infinity], [0.5, 0.5], NaN, none, none],
      [[-Infinity, -Infinity], [0.5, 0.5], NaN, none, none],
      [[5], [2], 2 * LN2, [0], [0]],
      [[1, 2], [0, 0], 0, [0, 0], [0, 0]],
      [[3e38, -3e38], [1, 0], 0, [0, 0], [0, 0]],
      [[3e38, -3e38], [0, 1], 6e38, [1, -1], [0, 0]],
    ],
  },
  {
    of: "distillation",
    rows: [
      [[0, 0], [0, 1000], LN2, [0.5, -0.5], [0.25, 0.25]],
      [[0, 0], [Infinity, 0], LN2, [-0.5, 0.5], [0.25, 0.25]],
      [[0, 0], [-Infinity, 0], LN2, [0.5, -0.5], [0.25, 0.25]],
      [[-Infinity, 0], [-Infinity, 0], 0, [0, 0], [0, 0]],
      [[-Infinity, 0], [0, 0], Infinity, [-0.5, 0.5], [0, 0]],
      [[Infinity, 0], [Infinity, 3], 0, [0, 0], [0, 0]],
      [[Infinity, 0], [0, Infinity], Infinity, [1, -1], [0, 0]],
      [[Infinity, Infinity], [0, 0], NaN, none, none],
      [[-Infinity, -Infinity], [0, 0], NaN, none, none],
      [[0, 0], [Infinity, Infinity], NaN, none, [0.25, 0.25]],
      [[0, 0], [-Infinity, -Infinity], NaN, none, [0.25, 0.25]],
      [[5], [-7], 0, [0], [0]],
      [[3e38, 0], [0, 3e38], 3e38, [1, -1], [0, 0]],
      [[3e38, -3e38], [3e38, -3e38], 0, [0, 0], [0, 0]],
    ],
  },
  {
    // So cold that only the greatest logits are seen: T² KL = T · (their distance).
    of: "distillation",
    at: { temperature: 2 ** -100 },
    rows: [
      [[1, 0, -8], [0, 2, 1], 2 ** -100, [2 ** -100, -(2 ** -100), 0], [0, 0, 0]],
      [[1, 0, -8], [3, 2, 1], 0, [0, 0, 0], [0, 0, 0]],
    ],
  },
  {
    // So cold that in float32 its square is 0 and its own value subnormal.
    of: "distillation",
    at: { temperature: 2 ** -140 },
    rows: [[[3, 0], [0, 1], 3 * 2 ** -140, [2 ** -140, -(2 ** -140)], [0, 0]]],
  },
  {
    of: "gaussianKl",
    rows: [
      [[0], [0], 0, [0, 0], [1, 0.5]],
      [[Infinity], [0], Infinity, [Infinity, 0], [1, 0.5]],
      [[-Infinity], [0], Infinity, [-Infinity, 0], [1, 0.5]],
      [[0], [Infinity], Infinity, [0, Infinity], [1, Infinity]],
      [[0], [-Infinity], Infinity, [0, -0.5], [1, 0]],
      [[3, 0], [0, 0], 4.5, [3, 0, 0, 0], [1, 1, 0.5, 0.5]],
      [[0], [-1000], 499.5, [0, -0.5], [1, 0]],
      [[2 ** -70], [0], 2 ** -141, [2 ** -70, 0], [1, 0.5]],
      [[0], [2 ** -70], 2 ** -142, [0, 2 ** -71], [1, 0.5]],
      [[0], [-(2 ** -70)], 2 ** -142, [0, -(2 ** -71)], [1, 0.5]],
      [[0], [-100], 49.5, [0, -0.5], [1, Math.exp(-100) / 2]],
      [[2 ** 60], [0], 2 ** 119, [2 ** 60, 0], [1, 0.5]],
    ],
  },
];

/** All of a row's results of that kind, those by the other array after those by the prediction. */
function flat(derivative: RowResults["grad"]): number[] {
  return ArrayBuffer.isView(derivative) ? [...derivative] : [...derivative.mean, ...derivative.logVariance];
}

const show = (value: unknown): string =>
  JSON.stringify(value, (_, v) => (v === Infinity ? "∞" : v === -Infinity ? "−∞" : Object.is(v, -0) ? "−0" : v));

/** A row that either type holds, drawn once. */
const million = (() => {
  let row: { logits: Float64Array; powers: Float64Array; sum: number; logitSum: number } | undefined;
  return () => {
    if (row !== undefined) return row;
    const logits = Float64Array.from({ length: 1_000_000 }, (_, k) => Math.round(6 * Math.sin(k) * 2 ** 10) / 2 ** 10);
    const powers = logits.map(Math.exp);
    row = { logits, powers, sum: exactSum(powers), logitSum: exactSum(logits) };
    return row;
  };
})();

const suites = Object.entries(rowImplementations).flatMap(([implementation, losses]) =>
  types.map((Type) => ({
    title: `${implementation} ${Type.name}`,
    implementation,
    losses,
    named: rowsOf(losses),
    Type,
  })),
);

describe.each(suites)("$title", ({ losses, named, Type }) => {
  const single = Type === Float32Array;
  const [close, least, leastNormal] = single
    ? ([1e-6, 2 ** -149, 2 ** -126] as const)
    : ([1e-14, 2 ** -1074, 2 ** -1022] as const);

  /** By relative error; zeros of either sign are one. */
  function expectNear(result: number, right: number, what: string): void {
    const most = close * Math.abs(right) + (Math.abs(right) < leastNormal && right !== 0 ? least : 0);
    if (result === right || Object.is(result, right) || Math.abs(result - right) <= most) return;
    expect.fail(`${what} is ${result}, expected ${right}`);
  }

  const rows = edges.flatMap(({ of, at: settings = {}, rows }) =>
    rows.map(([x, y, value, grad, hess]) => ({
      of,
      settings,
      x,
      y,
      expected: { value: [value], grad, hess },
      title: `${of}(${show(x)}, ${show(y)}, ${show(settings)})`,
    })),
  );

  it.each(rows)("$title", ({ of, settings, x, y, expected }) => {
    const target = typeof y === "number" ? Int32Array.of(y) : Type.from(y);
    const options = { ...settings, [rowSpecs[of].length]: x.length, ...EACH };
    const { value, grad, hess } = named[of].valueGradHess(Type.from(x), target, options);
    const results = { value: typeof value === "number" ? [value] : [...value], grad: flat(grad), hess: flat(hess) };
    for (const name of ["value", "grad", "hess"] as const) {
      expect(results[name].length, name).toBe(expected[name].length);
      expected[name].forEach((right, k) => {
        expectNear(at(results[name], k), rounded(Type, right), `${name}[${k}]`);
      });
    }
  });

  describe.each([0, 1e4, -1e4, 1])("a confident row, offset %f", (offset) => {
    it.each([20, 40, 80, 100, 700])("by a gap of %f", (gap) => {
      const x = Type.of(offset, offset + gap);
      const u = Math.exp(-gap);
      const right = { value: Math.log1p(u), grad: u / (1 + u), hess: u / (1 + u) ** 2 };
      const hot = Type.of(0, 1);
      const options = { classes: 2, ...EACH };
      for (const [what, got] of [
        ["softmaxCrossEntropy of the index", losses.softmaxCrossEntropy.valueGradHess(x, Int8Array.of(1), options)],
        ["softmaxCrossEntropy of one-hot", losses.softmaxCrossEntropy.valueGradHess(x, hot, options)],
        ["klDivergenceWithLogits", losses.klDivergenceWithLogits.valueGradHess(x, hot, options)],
        ["distillation", losses.distillation.valueGradHess(x, Type.of(-Infinity, offset), options)],
      ] as const) {
        expectNear(at(got.value, 0), rounded(Type, right.value), `${what} value`);
        expectNear(at(got.grad, 0), rounded(Type, right.grad), `${what} grad[0]`);
        expectNear(at(got.grad, 1), rounded(Type, -right.grad), `${what} grad[1]`);
        expectNear(at(got.hess, 0), rounded(Type, right.hess), `${what} hess[0]`);
        expectNear(at(got.hess, 1), rounded(Type, right.hess), `${what} hess[1]`);
      }
      const wrong = losses.softmaxCrossEntropy.valueGradHess(x, Int8Array.of(0), options);
      expectNear(at(wrong.value, 0), rounded(Type, gap + right.value), "value of the other label");
      expectNear(at(wrong.grad, 0), -1 / (1 + u), "grad[0] of the other label");
      expectNear(at(wrong.grad, 1), 1 / (1 + u), "grad[1] of the other label");
    });
  });

  it("a gap of 20 in float32 is a loss of 2.06e-9", () => {
    const value = losses.softmaxCrossEntropy(Type.of(20, 0), Int32Array.of(0));
    expect(value).toBeCloseTo(2.061153620314381e-9, 15);
    expect(losses.softmaxCrossEntropy.grad(Type.of(20, 0), Int32Array.of(0))[0]).toBeCloseTo(-2.061153618190204e-9, 15);
  });

  it("near-equal rows keep their digits: −½ log(1 − 4d²) for ½ ± d", () => {
    const d = single ? 2 ** -20 : 2 ** -40;
    const right = -Math.log1p(-((2 * d) ** 2)) / 2;
    const q = Type.of(0.5 + d, 0.5 - d);
    expectNear(losses.klDivergence(q, Type.of(0.5, 0.5), { classes: 2 }), right, "klDivergence");
  });

  it("subnormal numbers are not flushed to 0", () => {
    const options = { classes: 1, epsilon: 0, ...EACH };
    const p = 3 * least;
    const { value, grad } = losses.klDivergence.valueAndGrad(Type.of(1), Type.of(p), options);
    expectNear(at(value, 0), rounded(Type, p * Math.log(p)), "value");
    expect(at(grad, 0)).toBe(-p);
    const own = losses.klDivergence.valueAndGrad(Type.of(p), Type.of(p), options);
    expect(at(own.value, 0)).toBe(0);
    expect(at(own.grad, 0)).toBe(-1);
    const far = single ? 100 : 740;
    for (const label of [0, 1]) {
      const slopes = losses.softmaxCrossEntropy.grad(Type.of(far, 0), Int32Array.of(label), EACH);
      expect(Math.abs(at(slopes, 1)), `label ${label}`).toBeGreaterThan(0);
    }
    const smallest = losses.softmaxCrossEntropy(Type.of(-least, least), Int32Array.of(0), EACH);
    expectNear(at(smallest, 0), rounded(Type, LN2), "of logits that are nearly 0");
  });

  it.each([1e30, 3e38])(
    "distillation at a temperature of %f is half the variance of the logits' differences",
    (temperature) => {
      const [x, t] = [Type.of(3, -1, 0, 2), Type.of(-2, 5, 1, 0)];
      const { value, grad, hess } = losses.distillation.valueGradHess(x, t, { classes: 4, temperature, ...EACH });
      // Of 5, −6, −1 and 2, whose mean is 0.
      expectNear(at(value, 0), 8.25, "value");
      expect(grad.every(Number.isFinite)).toBe(true);
      for (const curve of hess) expectNear(curve, 3 / 16, "hess");
    },
  );

  it("a mean that float32 cannot hold is a number all the same", () => {
    const n = 5000;
    const x = fill(Type, 2 * n, (k) => (k % 2 ? 3e38 : 0));
    const huge = rounded(Type, 3e38);
    const labels = new Int32Array(n);
    expectNear(losses.softmaxCrossEntropy(x, labels, { reduction: "sum" }), n * huge, "sum");
    expectNear(losses.softmaxCrossEntropy(x, labels), huge, "mean");
    expectNear(losses.softmaxCrossEntropy(x, labels, { weights: fill(Type, n, () => 1) }), huge, "weighted mean");
  });

  describe("labels", () => {
    const x = fill(Type, 60, (k) => k % 7);
    const outputs = () => ({ grad: new Type(60).fill(77), hess: new Type(60).fill(77) });

    it.each([
      ["10 in an Int32Array", Int32Array.of(0, 1, 2, 3, 4, 10), "label 10 at row 5"],
      ["−1 in an Int32Array", Int32Array.of(0, -1, 2, 3, 4, 5), "label -1 at row 1"],
      ["−100 in an Int16Array", Int16Array.of(-100, 1, 2, 3, 4, 5), "label -100 at row 0"],
      ["255 in a Uint8Array", Uint8Array.of(0, 1, 255, 3, 4, 5), "label 255 at row 2"],
      ["2³² − 1 in a Uint32Array", Uint32Array.of(0, 1, 9, 2 ** 32 - 1, 4, 5), "label 4294967295 at row 3"],
      ["2³² in a BigInt64Array", BigInt64Array.of(0n, 1n, 2n, 3n, 2n ** 32n, 5n), "label 4294967296 at row 4"],
      ["−1 in a BigInt64Array", BigInt64Array.of(0n, 1n, 2n, 3n, -1n, 5n), "label -1 at row 4"],
    ])("%s: an error that names it, and no output changed", (_, labels, what) => {
      const out = outputs();
      const call = () => losses.softmaxCrossEntropy.valueGradHess(x, labels, { out });
      expect(call).toThrow(new RangeError(`softmaxCrossEntropy: ${what} is not in 0…9`));
      for (const array of [out.grad, out.hess]) expect(array.every((entry) => entry === 77)).toBe(true);
    });

    it("1.5 is no index: it is a soft target, of which there are too few", () => {
      expect(() => losses.softmaxCrossEntropy(x, Type.of(0, 1.5, 2, 3, 4, 5), { classes: 10 })).toThrow(RangeError);
      expect(() => losses.softmaxCrossEntropy(x, Type.of(0, 1.5, 2, 3, 4, 5), { classes: 10 })).toThrow(/got 6/);
    });

    it("the first wrong one is named, in a batch of many rounds too", () => {
      const n = 300_000;
      const labels = new Int32Array(n);
      labels[n - 2] = 2;
      labels[n - 1] = -5;
      const logits = new Type(2 * n);
      const error = new RangeError(`softmaxCrossEntropy: label 2 at row ${n - 2} is not in 0…1`);
      expect(() => losses.softmaxCrossEntropy(logits, labels)).toThrow(error);
      labels[7] = -1;
      expect(() => losses.softmaxCrossEntropy(logits, labels)).toThrow(/label -1 at row 7 /);
    });

    it("an ignored label may be anything, the others may not", () => {
      for (const ignoreIndex of [-1, -100, 255, 10, 3]) {
        const labels = Int32Array.of(0, ignoreIndex, 2, 4, ignoreIndex, 5);
        expect(losses.softmaxCrossEntropy.total(x, labels, { ignoreIndex }).weight).toBe(4);
        labels[3] = -7;
        expect(() => losses.softmaxCrossEntropy(x, labels, { ignoreIndex })).toThrow(/label -7 at row 3 /);
      }
    });

    it("an ignored row may hold NaN and infinities", () => {
      const wild = x.slice();
      wild.set([NaN, Infinity, Infinity, -Infinity, NaN], 10);
      wild.set(
        fill(Type, 10, () => -Infinity),
        40,
      );
      const labels = Int32Array.of(0, -1, 2, 3, -1, 5);
      for (const settings of [{}, { labelSmoothing: 0.1 }, { classWeights: fill(Type, 10, (k) => k) }]) {
        for (const reduction of ["mean", "sum", "none"] as const) {
          const options = { ...settings, ignoreIndex: -1, reduction };
          const got = named.softmaxCrossEntropy.valueGradHess(wild, labels, options);
          const calm = named.softmaxCrossEntropy.valueGradHess(x, labels, options);
          expectSame(got, calm, `${showSettings(settings)} ${reduction}`);
          expect(byPrediction(got.grad).subarray(10, 20)).toEqual(new Type(10));
        }
      }
    });

    it("where all are ignored, the mean is NaN, the sum and all derivatives 0", () => {
      const labels = new Int8Array(6).fill(-1);
      const wild = x.slice().fill(NaN);
      const options = { ignoreIndex: -1 };
      const zeros = { grad: new Type(60), hess: new Type(60) };
      expect(losses.softmaxCrossEntropy.valueGradHess(wild, labels, options)).toEqual({ value: NaN, ...zeros });
      const sum = { ...options, reduction: "sum" } as const;
      expect(losses.softmaxCrossEntropy.valueGradHess(wild, labels, sum)).toEqual({ value: 0, ...zeros });
      const each = { ...options, ...EACH };
      expect(losses.softmaxCrossEntropy.valueGradHess(wild, labels, each)).toEqual({ value: new Type(6), ...zeros });
      expect(losses.softmaxCrossEntropy.total(wild, labels, options)).toEqual({ sum: 0, weight: 0 });
    });

    it("whose class weights are all 0 make the mean NaN, the derivatives 0", () => {
      const classWeights = fill(Type, 10, (k) => (k < 6 ? 0 : 1));
      const labels = Int32Array.of(0, 1, 2, 3, 4, 5);
      const { value, grad } = losses.softmaxCrossEntropy.valueAndGrad(x, labels, { classWeights });
      expect(value).toBe(NaN);
      expect(grad.every((slope) => slope === 0)).toBe(true);
      expect(losses.softmaxCrossEntropy(x, labels, { classWeights, reduction: "sum" })).toBe(0);
    });
  });

  it("one row of a million classes", () => {
    const { logits, powers, sum, logitSum } = million();
    const classes = logits.length;
    const x = Type.from(logits);
    const label = 654_321;
    /** `target` is the share of a class that is no label, or of any. */
    const check = (got: { value: ArrayLike<number>; grad: Floats; hess: Floats }, value: number, target: number) => {
      expectNear(at(got.value, 0), value, "value");
      got.grad.forEach((slope, k) => {
        const p = at(powers, k) / sum;
        const right = p - (target === 0 && k === label ? 1 : target);
        // Near even shares p − τ cancels: it is measured by the larger of them.
        const size = target === 0 ? Math.abs(right) : Math.max(p, target);
        if (!(Math.abs(slope - right) <= close * size)) expect.fail(`grad is ${slope}, expected ${right} at ${k}`);
        const curve = p * (1 - p);
        if (!(Math.abs(at(got.hess, k) - curve) <= close * curve)) {
          expect.fail(`hess is ${got.hess[k]}, expected ${curve} at ${k}`);
        }
      });
    };
    const ofLabel = losses.softmaxCrossEntropy.valueGradHess(x, Int32Array.of(label), EACH);
    check(ofLabel, Math.log(sum) - at(x, label), 0);
    const ofEven = losses.distillation.valueGradHess(x, new Type(classes), { classes, ...EACH });
    check(ofEven, Math.log(sum / classes) - logitSum / classes, 1 / classes);
  });

  it("rows of a million even classes, and of a million coordinates", () => {
    const classes = 1_000_000;
    const even = new Type(classes);
    const { value, grad } = losses.softmaxCrossEntropy.valueAndGrad(even, Int32Array.of(999_999), EACH);
    expectNear(at(value, 0), rounded(Type, Math.log(1e6)), "softmaxCrossEntropy");
    expectNear(at(grad, 0), rounded(Type, 1e-6), "grad[0]");
    expectNear(at(grad, 999_999), rounded(Type, 1e-6 - 1), "grad[999999]");
    const shares = fill(Type, classes, () => 2 ** -20);
    const total = classes * 2 ** -20;
    // Σ p log(p/q), all p = 2⁻²⁰, all q = 10⁻⁶.
    const right = total * (Math.log(1e6) - 20 * LN2);
    expectNear(losses.klDivergenceWithLogits(even, shares, { classes }), right, "klDivergenceWithLogits");
    const twice = fill(Type, classes, () => 2 ** -19);
    expectNear(losses.klDivergence(twice, shares, { classes }), -total * LN2, "klDivergence");
    const ones = even.map(() => 1);
    expectNear(losses.gaussianKl(ones, even, { latent: classes }), classes / 2, "gaussianKl");
  });
});

/** Fails unless all fields have the same bits. */
function expectSame(got: RowResults, expected: RowResults, what = ""): void {
  const rights = new Map(fieldsOf(expected));
  for (const [name, result] of fieldsOf(got)) expectValue(result, rights.get(name) ?? NaN, `${what} ${name}`);
}

/** A batch of no rows, of whatever length they are. */
function emptyOf(kind: Kind, Type: FloatsConstructor): Batch {
  return drawRows(kind, Type, 0, 5);
}

describe.each(typedRowSubjects)("$implementation $name of $targets in $Type.name", (subject) => {
  const { loss, spec, targets, Type, implementation } = subject;

  it("of no rows: the mean is NaN, the sum 0, all else empty", () => {
    const { prediction, target, options } = emptyOf(subject, Type);
    for (const settings of rowSettings(subject, emptyOf(subject, Type))) {
      const of = (more: RowOptions) => loss.valueGradHess(prediction, target, { ...options, ...settings, ...more });
      const [mean, sum, each] = [of({}), of({ reduction: "sum" }), of(EACH)];
      expect(mean.value).toBe(NaN);
      expect(sum.value).toBe(0);
      expect(each.value).toEqual(new Type(0));
      for (const { grad, hess } of [mean, sum, each]) {
        expect([...flat(grad), ...flat(hess)]).toEqual([]);
        expect(byPrediction(grad)).toBeInstanceOf(Type);
      }
      const total = loss.total(prediction, target, { ...options, ...settings });
      expect(total).toEqual({ sum: 0, weight: 0 });
      expect(loss.fromTotal(total)).toBe(NaN);
    }
  });

  it("of weights that are all 0: the mean is NaN, the sum 0, all derivatives 0", () => {
    const { prediction, target, options } = drawRows(subject, Type, 3, 5);
    for (const zero of [0, -0]) {
      const weights = new Type(3).fill(zero);
      for (const reduction of ["mean", "sum", "none"] as const) {
        const got = loss.valueGradHess(prediction, target, { ...options, weights, reduction });
        expect(typeof got.value === "number" ? [got.value] : [...got.value].map(Math.abs)).toEqual(
          { mean: [NaN], sum: [0], none: [0, 0, 0] }[reduction],
        );
        expect([...flat(got.grad), ...flat(got.hess)].every((slope) => slope === 0)).toBe(true);
      }
      expect(loss.total(prediction, target, { ...options, weights }).weight).toBe(0);
    }
  });

  it("of weight 0 may be infinite or NaN, and adds nothing", () => {
    const batch = drawRows(subject, Type, 4, 5);
    const { prediction, target, options } = batch;
    const wild = prediction.slice();
    wild.fill(spec.predictions ? 0 : -Infinity, 5, 10);
    wild.set([NaN, Infinity], 15);
    const weights = Type.of(1, 0, 2, 0);
    for (const settings of rowSettings(subject, batch)) {
      for (const reduction of ["mean", "sum", "none"] as const) {
        const all = { ...options, ...settings, weights, reduction };
        const got = loss.valueGradHess(wild, target, all);
        expectSame(got, loss.valueGradHess(prediction, target, all), `${showSettings(settings)} ${reduction}`);
        const grad = byPrediction(got.grad);
        for (const row of [1, 3]) expect(grad.subarray(5 * row, 5 * row + 5).every((slope) => slope === 0)).toBe(true);
      }
      const ordinary = loss.total(prediction, target, { ...options, ...settings, weights });
      expect(loss.total(wild, target, { ...options, ...settings, weights })).toEqual(ordinary);
    }
  });

  it.each([1, 2, 5, 67, 1000])(
    "with NaN in one of its rows of %i is NaN there, and the others are what they were",
    (length) => {
      const batch = drawRows(subject, Type, 5, length);
      const { prediction, target, options } = batch;
      for (const place of [2 * length, 3 * length - 1]) {
        const spoilt = prediction.slice();
        spoilt[place] = NaN;
        const spoiltTarget = target.slice();
        const both =
          targets === "floats"
            ? ([[spoilt, target] as const, [prediction, spoiltTarget] as const] as const)
            : ([[spoilt, target] as const] as const);
        if (!(spoiltTarget instanceof Int32Array)) spoiltTarget[place] = NaN;
        both.forEach(([x, y], which) => {
          const got = loss.valueGradHess(x, y, { ...options, ...EACH });
          const calm = new Map(fieldsOf(loss.valueGradHess(prediction, target, { ...options, ...EACH })));
          for (const [name, array] of fieldsOf(got)) {
            const right = calm.get(name);
            if (typeof array === "number" || typeof right !== "object") throw new Error(`${name} is no array`);
            const long = name === "value" ? 1 : length;
            for (const [from, to] of [
              [0, 2 * long],
              [3 * long, 5 * long],
            ] as const) {
              expectBits(array.subarray(from, to), right.subarray(from, to), `${name} from ${from}`);
            }
          }
          expect(typeof got.value === "number" ? NaN : got.value[2]).toBe(NaN);
          const grad =
            spec.both && which === 1 && "logVariance" in got.grad ? got.grad.logVariance : byPrediction(got.grad);
          expect(grad[place]).toBe(NaN);
          for (const reduction of ["mean", "sum"] as const) expect(loss(x, y, { ...options, reduction })).toBe(NaN);
        });
      }
    },
  );

  it.runIf(targets === "floats" && spec.targets)(
    "with NaN off target is NaN, even where there is no target at all",
    () => {
      const { prediction, options } = drawRows(subject, Type, 3, 4);
      prediction[5] = NaN;
      for (const shares of [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
      ]) {
        const target = Type.from([...shares, ...shares, ...shares]);
        const { value, grad } = loss.valueAndGrad(prediction, target, { ...options, ...EACH });
        expect(typeof value === "number" ? [] : [...value].map(Number.isNaN)).toEqual([false, true, false]);
        expect(byPrediction(grad)[5]).toBe(NaN);
      }
    },
  );

  it("writes its gradient in the place of the prediction", () => {
    for (const [rows, length] of [
      [5, 3],
      [3, 67],
      [300, 41],
      [2, 20_000],
    ] as const) {
      const batch = drawRows(subject, Type, rows, length);
      const { prediction, target, options, weights } = batch;
      for (const settings of rowSettings(subject, batch)) {
        const apart = loss.valueGradHess(prediction, target, { ...options, ...settings, weights });
        const place = prediction.slice();
        const other = target.slice();
        const grad = spec.both ? { mean: place, logVariance: other } : place;
        const got = loss.valueGradHess(place, spec.both ? other : target, {
          ...options,
          ...settings,
          weights,
          out: { grad },
        });
        expectSame(got, apart, `${rows} rows of ${length}, ${showSettings(settings)}`);
        expect(byPrediction(got.grad)).toBe(place);
      }
    }
  });

  it("reads and writes at any alignment, and nothing beyond its arrays", () => {
    const guard = 77;
    for (const length of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 67]) {
      for (const rows of [0, 1, 2, 3, 5]) {
        const batch = drawRows(subject, Type, rows, length, 7 * length + rows);
        const { prediction, target, weights, options } = batch;
        const right = loss.valueGradHess(prediction, target, { ...options, weights, ...EACH });
        for (const offset of [1, 2, 3]) {
          const moved = (array: Floats): Floats => {
            const memory = new Type(array.length + offset + 9).fill(NaN);
            memory.set(array, offset);
            return memory.subarray(offset, offset + array.length);
          };
          const movedTarget =
            target instanceof Int32Array
              ? new Int32Array([...Array(offset).fill(-9), ...target, -9]).subarray(offset, offset + rows)
              : moved(target);
          const memories: Floats[] = [];
          const output = (n: number): Floats => {
            const memory = new Type(n + offset + 9).fill(guard);
            memories.push(memory);
            return memory.subarray(offset, offset + n);
          };
          const derivative = () =>
            spec.both ? { mean: output(rows * length), logVariance: output(rows * length) } : output(rows * length);
          const out = { value: output(rows), grad: derivative(), hess: derivative() };
          const got = loss.valueGradHess(moved(prediction), movedTarget, {
            ...options,
            weights: moved(weights),
            out,
            ...EACH,
          });
          const what = `${rows} rows of ${length} at ${offset}`;
          expectSame(got, right, what);
          for (const memory of memories) {
            const n = memory.length - offset - 9;
            memory.forEach((entry, k) => {
              if ((k < offset || k >= offset + n) && entry !== guard)
                expect.fail(`${what}: guard ${k - offset} of ${n} is ${entry}`);
            });
          }
        }
      }
    }
  });

  // The reference knows no rounds, and takes its time.
  it.runIf(implementation === "wasm").each([
    [10, 300_000],
    [1000, 3000],
  ])(
    "of rows of %i, %i of them, more than any staging memory holds: each row is what it is in a small batch",
    (length, rows) => {
      // A prime, which no round is a multiple of: a row in the place of another shows.
      const few = 1009;
      const small = drawRows(subject, Type, few, length);
      const { options } = small;
      const again = <A extends Floats | Int32Array>(whole: A, part: A): A => {
        const n = part.length;
        for (let from = 0; from < whole.length; from += n)
          whole.set(part.subarray(0, Math.min(n, whole.length - from)), from);
        return whole;
      };
      const x = again(new Type(rows * length), small.prediction);
      const y =
        small.target instanceof Int32Array
          ? again(new Int32Array(rows), small.target)
          : again(new Type(rows * length), small.target);
      const weights = again(new Type(rows), small.weights);
      const whole = loss.valueGradHess(x, y, { ...options, weights, ...EACH });
      const rights = new Map(
        fieldsOf(loss.valueGradHess(small.prediction, small.target, { ...options, weights: small.weights, ...EACH })),
      );
      for (const [name, array] of fieldsOf(whole)) {
        const right = rights.get(name);
        if (typeof array === "number" || typeof right !== "object") throw new Error(`${name} is no array`);
        expectBits(array, again(new Type(array.length), right), name);
      }
      const values = typeof whole.value === "number" ? [] : whole.value;
      const total = loss.total(x, y, { ...options, weights });
      const close = Type === Float32Array ? 1e-7 : 1e-15;
      expect(Math.abs(exactSum(values) / total.sum - 1)).toBeLessThanOrEqual(close);
      expect(Math.abs(exactSum(weights) / total.weight - 1)).toBeLessThanOrEqual(close);
      expect(loss(x, y, { ...options, weights, reduction: "sum" })).toBe(total.sum);
    },
  );
});

describe("rows of one buffer", () => {
  it("may touch, but not overlap", () => {
    for (const { loss, title } of rowSubjects.filter(({ name }) => name === "klDivergence")) {
      const memory = Float64Array.of(0.25, 0.75, 0.5, 0.5, 9, 9, 9, 9);
      const [x, y, grad, hess]: Floats[] = [0, 2, 4, 6].map((from) => memory.subarray(from, from + 2));
      if (x === undefined || y === undefined) throw new Error("two arrays");
      loss.valueGradHess(x, y, { classes: 2, out: { grad, hess } });
      expect([...memory].slice(0, 4), title).toEqual([0.25, 0.75, 0.5, 0.5]);
      expect([...memory].slice(4).map((entry) => Math.round(1e6 * entry) / 1e6)).toEqual([-2, -0.666667, 8, 0.888889]);
    }
  });
});
