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
  perceptual,
  psnr,
  softmaxCrossEntropy,
  ssim,
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

it("a loss of features has a number, or with reduction none an array a layer in the features' type", () => {
  expectTypeOf(perceptual([single], [single])).toEqualTypeOf<number>();
  expectTypeOf(perceptual([double, double], [double, plain], { reduction: "sum" })).toEqualTypeOf<number>();
  expectTypeOf(perceptual([plain, plain], [double, plain], { layerWeights: single })).toEqualTypeOf<number>();
  expectTypeOf(perceptual([single], [single], { reduction: "none" })).toEqualTypeOf<Float32Array[]>();
  expectTypeOf(perceptual([plain], [plain], { reduction: "none" })).toEqualTypeOf<Float64Array[]>();
  const either = (reduction: Reduction) => perceptual([double], [double], { reduction });
  expectTypeOf(either).returns.toEqualTypeOf<number | Float64Array[]>();
});

it("a loss of features has derivatives by each layer", () => {
  expectTypeOf(perceptual.grad([single], [single])).toEqualTypeOf<Float32Array[]>();
  expectTypeOf(perceptual.valueAndGrad([plain], [plain])).toEqualTypeOf<{ value: number; grad: Float64Array[] }>();
  const out = { grad: [new Float32Array(2)], value: [new Float32Array(2)] };
  const found = perceptual.valueGradHess([single], [single], { reduction: "none", out });
  expectTypeOf(found).toEqualTypeOf<{ value: Float32Array[]; grad: Float32Array[]; hess: Float32Array[] }>();
  expectTypeOf(perceptual).not.toHaveProperty("total");
  expectTypeOf(perceptual).not.toHaveProperty("fromTotal");
});

it("measures of images are numbers, and the gradient is of the prediction's type", () => {
  const size = { width: 11, height: 11, images: 0 } as const;
  const [none, wide] = [new Float32Array(0), new Float64Array(0)];
  expectTypeOf(psnr(single, single)).toEqualTypeOf<number>();
  expectTypeOf(psnr(plain, double, { peak: 255 })).toEqualTypeOf<number>();
  expectTypeOf(psnr.fromTotal(mse.total(plain, plain), { peak: 255 })).toEqualTypeOf<number>();
  expectTypeOf(psnr.parameters.peak.default).toEqualTypeOf<number>();
  expectTypeOf(psnr).not.toHaveProperty("grad");
  expectTypeOf(ssim(none, none, size)).toEqualTypeOf<number>();
  expectTypeOf(ssim.grad(none, none, { ...size, out: { grad: none } })).toEqualTypeOf<Float32Array>();
  expectTypeOf(ssim.valueAndGrad([], wide, { ...size, peak: 2 })).toEqualTypeOf<{
    value: number;
    grad: Float64Array;
  }>();
  expectTypeOf(ssim.parameters.peak.default).toEqualTypeOf<number>();
  expectTypeOf(ssim.kind).toEqualTypeOf<"images">();
  expectTypeOf(ssim).not.toHaveProperty("valueGradHess");
});

it("wrong arguments of measures of images are errors of types as well", () => {
  const size = { width: 11, height: 11, images: 0 } as const;
  const [none, wide] = [new Float32Array(0), new Float64Array(0)];
  // @ts-expect-error: features that are one array.
  expect(() => perceptual(single, single)).toThrow(TypeError);
  // @ts-expect-error: two types of array in a layer.
  expect(() => perceptual([single], [double])).toThrow(TypeError);
  // @ts-expect-error: weights of elements.
  expect(() => perceptual([single], [single], { weights: single })).toThrow(TypeError);
  // @ts-expect-error: one buffer for all layers.
  expect(() => perceptual.grad([single], [single], { out: { grad: single } })).toThrow(TypeError);
  // @ts-expect-error: a buffer of another type.
  expect(() => perceptual.grad([single], [single], { out: { grad: [double] } })).toThrow(TypeError);
  // @ts-expect-error: two types of array.
  expect(() => psnr(single, double)).toThrow(TypeError);
  // @ts-expect-error: a reduction, of which there is but one.
  expect(() => psnr(single, single, { reduction: "mean" })).toThrow(TypeError);
  // @ts-expect-error: no size.
  expect(() => ssim(none, none)).toThrow(TypeError);
  // @ts-expect-error: no height.
  expect(() => ssim(none, none, { width: 11, images: 0 })).toThrow(TypeError);
  // @ts-expect-error: two types of array.
  expect(() => ssim(none, wide, size)).toThrow(TypeError);
  // @ts-expect-error: an integer array.
  expect(() => ssim(new Uint8Array(0), new Uint8Array(0), size)).toThrow(TypeError);
  // @ts-expect-error: an output of another type.
  expect(() => ssim.grad(none, none, { ...size, out: { grad: wide } })).toThrow(TypeError);
  // @ts-expect-error: an output that there is not.
  expect(() => ssim.grad(none, none, { ...size, out: { hess: none } })).toThrow(TypeError);
  // @ts-expect-error: another measure's option.
  expect(() => ssim(none, none, { ...size, reduction: "mean" })).toThrow(TypeError);
});
