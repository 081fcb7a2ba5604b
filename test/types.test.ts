/** What TypeScript knows of results and options; tsc reads this file as well as vitest. */
import { expect, expectTypeOf, it } from "vitest";
import type { Gaussian, Integers, Reduction, Total } from "../src/index.js";
import {
  bce,
  distillation,
  focal,
  gaussianKl,
  huber,
  klDivergence,
  klDivergenceWithLogits,
  mse,
  softmaxCrossEntropy,
} from "../src/index.js";

const single = Float32Array.of(1, 2);
const double = Float64Array.of(1, 2);
const plain = [1, 2];
const labels = Int32Array.of(1);
const pairs = { classes: 2 } as const;

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

it("a row loss has a number, or with reduction none a value for each row in the prediction's type", () => {
  expectTypeOf(softmaxCrossEntropy(single, labels)).toEqualTypeOf<number>();
  expectTypeOf(softmaxCrossEntropy(double, labels, { reduction: "sum" })).toEqualTypeOf<number>();
  expectTypeOf(softmaxCrossEntropy(single, single, pairs)).toEqualTypeOf<number>();
  expectTypeOf(softmaxCrossEntropy(plain, double, { ...pairs, reduction: "mean" })).toEqualTypeOf<number>();
  expectTypeOf(softmaxCrossEntropy(single, labels, { reduction: "none" })).toEqualTypeOf<Float32Array>();
  expectTypeOf(softmaxCrossEntropy(plain, plain, { ...pairs, reduction: "none" })).toEqualTypeOf<Float64Array>();
  expectTypeOf(klDivergence(single, single, pairs)).toEqualTypeOf<number>();
  expectTypeOf(klDivergence(single, single, { ...pairs, reduction: "none" })).toEqualTypeOf<Float32Array>();
  expectTypeOf(distillation.valueAndGrad(double, double, pairs).value).toEqualTypeOf<number>();
  const none = { ...pairs, reduction: "none" } as const;
  expectTypeOf(klDivergenceWithLogits.valueGradHess(plain, plain, none).value).toEqualTypeOf<Float64Array>();
  expectTypeOf(
    softmaxCrossEntropy.valueAndGrad(single, labels, { reduction: "none" }).value,
  ).toEqualTypeOf<Float32Array>();
});

it("a row loss has derivatives in the prediction's type", () => {
  expectTypeOf(softmaxCrossEntropy.grad(single, labels)).toEqualTypeOf<Float32Array>();
  expectTypeOf(softmaxCrossEntropy.grad(plain, plain, pairs)).toEqualTypeOf<Float64Array>();
  expectTypeOf(softmaxCrossEntropy.valueGradHess(double, labels).hess).toEqualTypeOf<Float64Array>();
  expectTypeOf(distillation.grad(single, single, { ...pairs, temperature: 2 })).toEqualTypeOf<Float32Array>();
  expectTypeOf(softmaxCrossEntropy.total(single, labels, { ignoreIndex: 0 })).toEqualTypeOf<Total>();
});

it("a Gaussian has derivatives by both arrays", () => {
  const latent = 2;
  expectTypeOf(gaussianKl(single, single, { latent })).toEqualTypeOf<number>();
  expectTypeOf(gaussianKl(double, plain, { latent, reduction: "none" })).toEqualTypeOf<Float64Array>();
  expectTypeOf(gaussianKl.grad(single, single, { latent })).toEqualTypeOf<Gaussian<Float32Array>>();
  const out = { grad: { mean: new Float64Array(2), logVariance: new Float64Array(2) } };
  const found = gaussianKl.valueGradHess(plain, plain, { latent, reduction: "none", out });
  expectTypeOf(found.value).toEqualTypeOf<Float64Array>();
  expectTypeOf(found.grad).toEqualTypeOf<Gaussian<Float64Array>>();
  expectTypeOf(found.hess.logVariance).toEqualTypeOf<Float64Array>();
});

it("labels are integers of any kind", () => {
  const every: readonly Integers[] = [
    Int8Array.of(1),
    Uint8Array.of(1),
    Uint8ClampedArray.of(1),
    Int16Array.of(1),
    Uint16Array.of(1),
    labels,
    Uint32Array.of(1),
    BigInt64Array.of(1n),
    BigUint64Array.of(1n),
  ];
  for (const each of every) expectTypeOf(softmaxCrossEntropy(single, each)).toEqualTypeOf<number>();
});

it("a row loss's parameters say their defaults", () => {
  expectTypeOf(softmaxCrossEntropy.parameters.labelSmoothing.default).toEqualTypeOf<number>();
  expectTypeOf(klDivergence.parameters.epsilon.default).toEqualTypeOf<number>();
  expectTypeOf(distillation.parameters.temperature.default).toEqualTypeOf<number>();
  expectTypeOf(klDivergence.parameters).not.toHaveProperty("temperature");
  expectTypeOf(klDivergence.formula).toEqualTypeOf<string>();
});

it("wrong arguments of row losses are errors of types as well", () => {
  // @ts-expect-error: soft targets without the number of classes.
  expect(() => softmaxCrossEntropy(single, single)).toThrow(TypeError);
  // @ts-expect-error: the same, with other options.
  expect(() => softmaxCrossEntropy.grad(single, single, { labelSmoothing: 0.1 })).toThrow(TypeError);
  // @ts-expect-error: the same, of a loss that takes nothing else.
  expect(() => klDivergence(single, single)).toThrow(TypeError);
  // @ts-expect-error: the same, with one value a row.
  expect(() => distillation.valueAndGrad(single, single, { reduction: "none" })).toThrow(TypeError);
  // @ts-expect-error: no length of a row.
  expect(() => gaussianKl(single, single)).toThrow(TypeError);
  // @ts-expect-error: the length of a row by the name that it has elsewhere.
  expect(() => gaussianKl(single, single, { classes: 2 })).toThrow(TypeError);
  // @ts-expect-error: an ignored label of soft targets.
  expect(() => softmaxCrossEntropy(single, single, { classes: 2, ignoreIndex: 1 })).toThrow(TypeError);
  // @ts-expect-error: labels for a loss that takes none.
  expect(() => klDivergenceWithLogits(single, labels, pairs)).toThrow(TypeError);
  // @ts-expect-error: two types of array.
  expect(() => softmaxCrossEntropy(single, double, pairs)).toThrow(TypeError);
  // @ts-expect-error: plain numbers beside a Float32Array.
  expect(() => softmaxCrossEntropy(single, plain, pairs)).toThrow(TypeError);
  // @ts-expect-error: a misspelt option.
  expect(() => softmaxCrossEntropy(single, labels, { labelsmoothing: 0.1 })).toThrow(TypeError);
  // @ts-expect-error: another loss's parameter.
  expect(() => klDivergence(single, single, { classes: 2, temperature: 2 })).toThrow(TypeError);
  // @ts-expect-error: a label that is ignored by default.
  expect(() => softmaxCrossEntropy(single, labels, { ignoreIndex: null })).toThrow(TypeError);
  // @ts-expect-error: an output of another type.
  expect(() => softmaxCrossEntropy.grad(single, labels, { out: { grad: double } })).toThrow(TypeError);
  // @ts-expect-error: one buffer for two gradients.
  expect(() => gaussianKl.grad(single, single, { latent: 2, out: { grad: single } })).toThrow(TypeError);
});
