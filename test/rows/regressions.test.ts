/** Past faults of the row losses, each by what it did. */
import { describe, expect, it } from "vitest";
import { softmaxCrossEntropy as plain } from "../../src/reference/index.js";
import type { Floats } from "../implementations.js";
import { rowImplementations } from "./implementations.js";

const f32 = (...numbers: number[]): Float32Array => Float32Array.from(numbers);

function expectClose(got: Floats, right: Floats, what = ""): void {
  expect(got.length).toBe(right.length);
  got.forEach((value, k) => {
    const exact = right[k] ?? Number.NaN;
    expect(Math.abs(value - exact), `${what} ${value} is not ${exact} at ${k}`).toBeLessThanOrEqual(
      1e-6 * Math.abs(exact),
    );
  });
}

describe.each(Object.entries(rowImplementations))(
  "%s",
  (_, { softmaxCrossEntropy, klDivergence, klDivergenceWithLogits }) => {
    it.each([100, 1000, 50257, 1_000_000])(
      "%i tied logits with smoothing: their targets were added in f32",
      (classes) => {
        const got = softmaxCrossEntropy(new Float32Array(classes), Int32Array.of(5), { labelSmoothing: 0.1 });
        expect(Math.abs(got / Math.log(classes) - 1)).toBeLessThan(1e-6);
      },
    );

    it.each([1e-12, 1e-15, 1e-20, 1e-30])(
      "a weight of %d: the gradient lost its digits to a subnormal factor",
      (weight) => {
        const options = { weights: [weight], reduction: "sum" } as const;
        const got = softmaxCrossEntropy.valueGradHess(f32(1, 2, 3), Int32Array.of(0), options);
        const whole = plain.valueGradHess(f32(1, 2, 3), Int32Array.of(0));
        const weighed = (array: Float32Array) => Float64Array.from(array, (entry) => entry * Math.fround(weight));
        expectClose(Float64Array.from(got.grad), weighed(whole.grad));
        expectClose(Float64Array.from(got.hess), weighed(whole.hess));
        const soft = softmaxCrossEntropy.grad(f32(0, 1), f32(weight, 2 * weight), { classes: 2 });
        expectClose(Float64Array.from(soft), weighed(plain.grad(f32(0, 1), f32(1, 2), { classes: 2 })), "soft");
      },
    );

    it("class weights of a wide range: the small ones became 0", () => {
      const classWeights = f32(1e30, 1e-30, 1);
      expect(softmaxCrossEntropy(f32(1, 2, 3), Int32Array.of(1), { classWeights })).toBeCloseTo(1.4076, 4);
      const x = f32(1, 2, 3, 1, 2, 3);
      const got = softmaxCrossEntropy(x, Int32Array.of(0, 1), { classWeights, reduction: "none" });
      expectClose(got, f32(2.407606e30, 1.407606e-30));
      const soft = softmaxCrossEntropy(x, f32(1, 0, 0, 0, 1, 0), { classes: 3, classWeights, reduction: "none" });
      expectClose(soft, got);
    });

    it("an infinite prediction of klDivergence: log ∞ was 709", () => {
      expect(klDivergence([Infinity, 0.5], [0.5, 0.5], { classes: 2 })).toBe(-Infinity);
    });

    it("labels of a subclass in several rounds: its constructor ran within the call", () => {
      class Meddling extends Int32Array {
        constructor(...rest: [number]) {
          super(...rest);
          if (rest.length > 1) softmaxCrossEntropy(f32(1, 2), Int32Array.of(0));
        }
      }
      const labels = new Meddling(9000);
      expect(softmaxCrossEntropy(new Float32Array(18_000), labels)).toBeCloseTo(Math.LN2, 6);
    });

    it("two classes have one second derivative, also where it underflows before its weight", () => {
      const weights = [1e10];
      const [a, b] = softmaxCrossEntropy.valueGradHess(f32(0, -100), Int32Array.of(0), {
        weights,
        reduction: "sum",
      }).hess;
      expect(a).toBe(b);
      expect(a).toBeGreaterThan(0);
      const hess = klDivergenceWithLogits.valueGradHess([-771.882945372375, -4.997808552286017], [9.67e29, 3.3e28], {
        classes: 2,
      }).hess;
      expect(Math.abs((hess[0] ?? Number.NaN) / (hess[1] ?? Number.NaN) - 1)).toBeLessThan(1e-14);
    });
  },
);

it("a row too long for WebAssembly's memory is refused by name", () => {
  const logits = new Float64Array(100_000_000);
  expect(() => rowImplementations.wasm.softmaxCrossEntropy(logits, Int32Array.of(0))).toThrow(
    new RangeError("softmaxCrossEntropy: rows of 100000000 elements do not fit in WebAssembly's memory"),
  );
  expect(rowImplementations.wasm.softmaxCrossEntropy([0, 0], Int32Array.of(0))).toBe(Math.LN2);
});
