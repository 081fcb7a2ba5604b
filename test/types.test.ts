/** What TypeScript knows of results and options; tsc reads this file as well as vitest. */
import { expect, expectTypeOf, it } from "vitest";
import type { Reduction, Total } from "../src/index.js";
import { bce, focal, huber, mse } from "../src/index.js";

const single = Float32Array.of(1, 2);
const double = Float64Array.of(1, 2);
const plain = [1, 2];

it("a reduced value is a number", () => {
  expectTypeOf(huber(single, single)).toEqualTypeOf<number>();
  expectTypeOf(huber(double, double, { delta: 2 })).toEqualTypeOf<number>();
  expectTypeOf(huber(double, double, { reduction: "sum" })).toEqualTypeOf<number>();
  expectTypeOf(huber.valueAndGrad(plain, plain).value).toEqualTypeOf<number>();
  expectTypeOf(huber.total(single, single)).toEqualTypeOf<Total>();
});

it("arrays are of the prediction's type", () => {
  expectTypeOf(huber(single, single, { reduction: "none" })).toEqualTypeOf<Float32Array>();
  expectTypeOf(huber(double, double, { reduction: "none" })).toEqualTypeOf<Float64Array>();
  expectTypeOf(huber(plain, plain, { reduction: "none" })).toEqualTypeOf<Float64Array>();
  expectTypeOf(huber.grad(single, single)).toEqualTypeOf<Float32Array>();
  expectTypeOf(huber.valueGradHess(plain, plain).hess).toEqualTypeOf<Float64Array>();
});

it("a reduction that is not known may give either", () => {
  const either = (reduction: Reduction) => huber(single, single, { reduction });
  expectTypeOf(either).returns.toEqualTypeOf<number | Float32Array>();
});

it("a parameter says its default", () => {
  expectTypeOf(huber.parameters.delta.default).toEqualTypeOf<number>();
  expectTypeOf(focal.parameters.alpha.default).toEqualTypeOf<number | null>();
});

it("arrays of one precision go together", () => {
  expectTypeOf(mse(plain, double, { weights: double })).toEqualTypeOf<number>();
  expectTypeOf(mse([1, 2] as const, [3, 4])).toEqualTypeOf<number>();
  expectTypeOf(mse(single, new Float32Array(new SharedArrayBuffer(8)), { weights: plain })).toEqualTypeOf<number>();
});

it("wrong arguments are errors of types as well", () => {
  // @ts-expect-error: two types of array.
  expect(() => huber(single, double)).toThrow(TypeError);
  // @ts-expect-error: an integer array.
  expect(() => huber(new Int32Array(2), new Int32Array(2))).toThrow(TypeError);
  // @ts-expect-error: a misspelt option.
  expect(() => huber(single, single, { weight: single })).toThrow(TypeError);
  // @ts-expect-error: another loss's parameter.
  expect(() => mse(single, single, { delta: 1 })).toThrow(TypeError);
  // @ts-expect-error: null, which only alpha may be.
  expect(() => bce(single, single, { epsilon: null })).toThrow(TypeError);
  // @ts-expect-error: an output of another type.
  expect(() => huber.grad(single, single, { out: { grad: double } })).toThrow(TypeError);
  expect(focal([0.5], [1], { alpha: null })).toBeGreaterThan(0);
});
