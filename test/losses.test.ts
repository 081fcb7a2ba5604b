/** What the methods, reductions, weights and totals of every loss have to do with one another. */
import { describe, expect, it } from "vitest";
import { mergeTotals } from "../src/index.js";
import { exactSum, expectBits, expectResults, expectValue, ulps } from "./bits.js";
import type { Name, Settings } from "./implementations.js";
import { isName, reductionsOf, settingsOf, typedSubjects } from "./implementations.js";
import { drawData, fill } from "./random.js";

/** Longer than any vector, and not a multiple of one. */
const N = 67;

/** Out of the documents, not out of the specs. */
const defaults: Readonly<Record<Name, Settings>> = {
  mae: {},
  mse: {},
  rmse: {},
  huber: { delta: 1 },
  logCosh: {},
  charbonnier: { epsilon: 1e-6 },
  bce: { epsilon: 1e-7 },
  bceWithLogits: { posWeight: 1, labelSmoothing: 0 },
  focal: { alpha: 0.25, gamma: 2, epsilon: 1e-7 },
  focalWithLogits: { alpha: 0.25, gamma: 2 },
};

describe.each(typedSubjects)("$title", ({ loss, spec, Type, long }) => {
  const reductions = reductionsOf(spec);
  const { prediction, target, weights } = drawData(spec, Type, N);
  const nothing = new Type(N);
  /** What sums may be off by, relative to Σ|ℓ|. */
  const close = Type === Float32Array ? 1e-7 : 1e-15;

  it.each(settingsOf(spec))("says the same in every method, bit for bit: %o", (settings) => {
    for (const reduction of reductions) {
      for (const weighted of [undefined, weights]) {
        const options = { ...settings, reduction, weights: weighted };
        const { value, grad } = loss.valueGradHess(prediction, target, options);
        const two = loss.valueAndGrad(prediction, target, options);
        expectValue(loss(prediction, target, options), value, reduction);
        expectValue(two.value, value, reduction);
        expectBits(two.grad, grad, reduction);
        expectBits(loss.grad(prediction, target, options), grad, reduction);

        const total = loss.total(prediction, target, options);
        if (reduction === "sum") expect(total.sum).toBe(value);
        if (reduction !== "mean") continue;
        const most = spec.root ? 4 : 0;
        expect(ulps(Float64Array, loss.fromTotal(total), Number(value))).toBeLessThanOrEqual(most);
      }
    }
  });

  it("takes the mean by default", () => {
    const mean = loss.valueGradHess(prediction, target, { reduction: "mean" });
    expect(loss(prediction, target)).toBe(mean.value);
    expectResults(loss.valueGradHess(prediction, target, {}), mean);
    const blank = { reduction: undefined, weights: undefined, out: undefined };
    expectResults(loss.valueGradHess(prediction, target, blank), mean);
  });

  it("takes the documented defaults", () => {
    const documented = isName(spec.name) ? defaults[spec.name] : {};
    const stated = Object.entries(loss.parameters).map(([name, rule]) => [name, rule.default]);
    expect(Object.fromEntries(stated)).toEqual(documented);
    expectResults(loss.valueGradHess(prediction, target, documented), loss.valueGradHess(prediction, target));
  });

  it("reads options that are getters which call losses themselves", () => {
    const options = {
      get weights() {
        loss.grad(target, target);
        return weights;
      },
    };
    expectResults(loss.valueGradHess(prediction, target, options), loss.valueGradHess(prediction, target, { weights }));
  });

  it.skipIf(spec.root)("sums and averages what reduction none leaves", () => {
    const own = loss.valueGradHess(prediction, target, { reduction: "none" });
    const sum = exactSum(own.value);
    const summed = loss.valueGradHess(prediction, target, { reduction: "sum" });
    const mean = loss.valueGradHess(prediction, target);
    expect(Math.abs(Number(summed.value) - sum)).toBeLessThanOrEqual(close * sum);
    expect(Math.abs(Number(mean.value) - sum / N)).toBeLessThanOrEqual((close * sum) / N);
    for (const name of ["grad", "hess"] as const) {
      expectBits(summed[name], own[name]);
      own[name].forEach((derivative, k) => {
        expect(ulps(Type, mean[name][k] ?? NaN, derivative / N)).toBeLessThanOrEqual(2);
      });
    }
  });

  it.skipIf(spec.root)("weighs: wℓ with none, Σwℓ with sum, Σwℓ/Σw with mean, and the derivatives likewise", () => {
    const own = loss.valueGradHess(prediction, target, { reduction: "none" });
    const none = loss.valueGradHess(prediction, target, { weights, reduction: "none" });
    const sum = loss.valueGradHess(prediction, target, { weights, reduction: "sum" });
    const mean = loss.valueGradHess(prediction, target, { weights });
    const weight = exactSum(weights);
    const right = exactSum(fill(Float64Array, N, (k) => (weights[k] ?? NaN) * (own.value[k] ?? NaN)));
    expect(Math.abs(Number(sum.value) - right)).toBeLessThanOrEqual(close * right);
    expect(Math.abs(Number(mean.value) - right / weight)).toBeLessThanOrEqual((close * right) / weight);
    weights.forEach((w, k) => {
      expect(ulps(Type, none.value[k] ?? NaN, w * (own.value[k] ?? NaN))).toBeLessThanOrEqual(2);
      for (const name of ["grad", "hess"] as const) {
        const derivative = own[name][k] ?? NaN;
        expect(ulps(Type, none[name][k] ?? NaN, w * derivative)).toBeLessThanOrEqual(2);
        expect(ulps(Type, sum[name][k] ?? NaN, w * derivative)).toBeLessThanOrEqual(2);
        expect(ulps(Type, mean[name][k] ?? NaN, (w / weight) * derivative)).toBeLessThanOrEqual(4);
      }
    });
  });

  it("takes weights as plain numbers", () => {
    const plain = loss.valueGradHess(prediction, target, { weights: Array.from(weights) });
    expectResults(plain, loss.valueGradHess(prediction, target, { weights }));
  });

  // 1/Σw of the first two is beyond float32's numbers, of the first beyond float64's.
  it.each(Type === Float32Array ? [2 ** -140, 2 ** 126, 2 ** -50] : [2 ** -1040, 2 ** 1000, 2 ** -200])(
    "has the same mean whatever the unit of the weights: %f",
    (unit) => {
      const { value, grad, hess } = loss.valueGradHess(prediction, target, { weights });
      const got = loss.valueGradHess(prediction, target, { weights: weights.map((w) => w * unit) });
      grad.forEach((right, k) => {
        expect(ulps(Type, got.grad[k] ?? NaN, right), `grad at ${k}`).toBeLessThanOrEqual(4);
      });
      // A root's second derivative is a difference.
      if (!spec.root) {
        hess.forEach((right, k) => {
          expect(ulps(Type, got.hess[k] ?? NaN, right), `hess at ${k}`).toBeLessThanOrEqual(4);
        });
      }
      // What is added up is wℓ, of which float64 has the fewer digits the farther it is below the normal numbers.
      const digits = Type === Float64Array && unit < 2 ** -1000 ? 1e-6 : 1e-14;
      expect(Math.abs(Number(got.value) / Number(value) - 1)).toBeLessThan(digits);
    },
  );

  it("leaves out what has weight 0, even where the loss is infinite or NaN", () => {
    // Of a probability of 0, which epsilon = 0 allows, the other label's loss is infinite.
    const settings = spec.predictions ? { epsilon: 0 } : {};
    const holes = spec.predictions ? [NaN, 0, 1] : [NaN, Infinity, -Infinity];
    const [x, y] = [prediction.slice(), target.slice()];
    weights.forEach((weight, k) => {
      if (weight > 0) return;
      x[k] = holes[k % 3] ?? NaN;
      if (k % 3 === 0) y[k] = NaN;
      else if (spec.predictions) y[k] = 1 - (x[k] ?? NaN);
    });
    for (const reduction of reductions) {
      const options = { ...settings, reduction, weights };
      const got = loss.valueGradHess(x, y, options);
      expectResults(got, loss.valueGradHess(prediction, target, options), reduction);
      weights.forEach((weight, k) => {
        if (weight > 0) return;
        expect([got.grad[k], got.hess[k]]).toEqual([0, 0]);
        if (typeof got.value !== "number") expect(got.value[k]).toBe(0);
      });
    }
    const total = loss.total(prediction, target, { ...settings, weights });
    expect(loss.total(x, y, { ...settings, weights })).toEqual(total);
  });

  it("has a mean of NaN, a sum of 0 and derivatives of 0 where all weights are 0", () => {
    const none = { value: nothing, grad: nothing, hess: nothing };
    const expected = { mean: { ...none, value: NaN }, sum: { ...none, value: 0 }, none };
    for (const reduction of reductions) {
      const options = { reduction, weights: nothing };
      expectResults(loss.valueGradHess(prediction, target, options), expected[reduction], reduction);
      expectValue(loss(prediction, target, options), expected[reduction].value, reduction);
    }
    expect(loss.total(prediction, target, { weights: nothing })).toEqual({ sum: 0, weight: 0 });
    expect(loss.fromTotal({ sum: 0, weight: 0 })).toBe(NaN);
  });

  it("has a mean of NaN, a sum of 0 and empty derivatives of empty arrays", () => {
    const empty = new Type(0);
    const none = { value: empty, grad: empty, hess: empty };
    const expected = { mean: { ...none, value: NaN }, sum: { ...none, value: 0 }, none };
    for (const reduction of reductions) {
      for (const weighted of [undefined, empty]) {
        const options = { reduction, weights: weighted };
        expectResults(loss.valueGradHess(empty, empty, options), expected[reduction], reduction);
        expectValue(loss(empty, empty, options), expected[reduction].value, reduction);
        expectBits(loss.grad(empty, empty, options), empty, reduction);
      }
    }
    expect(loss.total(empty, empty)).toEqual({ sum: 0, weight: 0 });
  });

  it.each([N, long])("has totals that add up over any split: %i elements", (n) => {
    const data = drawData(spec, Type, n, 2);
    for (const weighted of [false, true]) {
      const totalOf = (from: number, to?: number) =>
        loss.total(data.prediction.subarray(from, to), data.target.subarray(from, to), {
          weights: weighted ? data.weights.subarray(from, to) : undefined,
        });
      const whole = totalOf(0);
      expect(whole.weight).toBe(weighted ? exactSum(data.weights) : n);
      const cuts = [0, 1, 8, n >> 2, n >> 1, n - 1, n];
      const merged = mergeTotals(...cuts.map((cut, k) => totalOf(cut, cuts[k + 1] ?? n)));
      expect(merged.weight).toBe(whole.weight);
      expect(Math.abs(merged.sum / whole.sum - 1)).toBeLessThanOrEqual(close);
      const mean = loss(data.prediction, data.target, { weights: weighted ? data.weights : undefined });
      expect(Math.abs(loss.fromTotal(merged) / Number(mean) - 1)).toBeLessThanOrEqual(2 * close);
    }
  });
});

describe("mergeTotals", () => {
  it("adds sums and weights, of nothing to nothing", () => {
    expect(mergeTotals()).toEqual({ sum: 0, weight: 0 });
    expect(mergeTotals({ sum: 1, weight: 2 }, { sum: 3, weight: 4.5 })).toEqual({ sum: 4, weight: 6.5 });
    expect(mergeTotals({ sum: Infinity, weight: 1 }, { sum: 3, weight: 1 }).sum).toBe(Infinity);
    expect(mergeTotals({ sum: NaN, weight: 1 }, { sum: 3, weight: 1 }).sum).toBe(NaN);
  });
});
