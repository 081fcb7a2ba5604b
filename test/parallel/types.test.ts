/** What TypeScript knows of a pool's results and options; tsc reads this file as well as vitest. */
import { afterAll, beforeAll, expect, expectTypeOf, it } from "vitest";
import type { Gaussian, Loss, Reduction, Total } from "../../src/index.js";
import {
  bce,
  distillation,
  focal,
  gaussianKl,
  huber,
  klDivergence,
  mse,
  perceptual,
  psnr,
  softmaxCrossEntropy,
  ssim,
} from "../../src/index.js";
import { createPool, type Pool } from "../../src/parallel/index.js";

const single = Float32Array.of(1, 2);
const double = Float64Array.of(1, 2);
const plain = [1, 2];
const labels = Int32Array.of(1);
const pairs = { classes: 2 } as const;
const latent = 2;

let pool: Pool;
beforeAll(async () => {
  pool = await createPool({ threads: 1 });
});
afterAll(() => pool.close());

it("a reduced value is a number", () => {
  expectTypeOf(pool.value(huber, single, single)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.value(huber, double, double, { delta: 2 })).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.value(mse, plain, double, { reduction: "sum", weights: plain })).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.total(huber, single, single, { reduction: "none" })).toEqualTypeOf<Promise<Total>>();
  expectTypeOf(pool.value(softmaxCrossEntropy, single, labels)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.value(softmaxCrossEntropy, plain, plain, pairs)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.value(gaussianKl, single, single, { latent })).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.value(distillation, single, single, { ...pairs, temperature: 2 })).toEqualTypeOf<Promise<number>>();
});

it("with reduction none it is an array of the prediction's type", () => {
  expectTypeOf(pool.value(huber, single, single, { reduction: "none" })).toEqualTypeOf<Promise<Float32Array>>();
  expectTypeOf(pool.value(focal, [0.5], [1], { reduction: "none", alpha: null })).toEqualTypeOf<
    Promise<Float64Array>
  >();
  expectTypeOf(pool.value(softmaxCrossEntropy, single, labels, { reduction: "none" })).toEqualTypeOf<
    Promise<Float32Array>
  >();
  expectTypeOf(pool.value(klDivergence, double, double, { ...pairs, reduction: "none" })).toEqualTypeOf<
    Promise<Float64Array>
  >();
  const either = (reduction: Reduction) => pool.value(huber, single, single, { reduction });
  expectTypeOf(either).returns.toEqualTypeOf<Promise<number | Float32Array>>();
});

it("derivatives are of the prediction's type, a Gaussian's by both arrays", () => {
  expectTypeOf(pool.grad(huber, plain, plain)).toEqualTypeOf<Promise<Float64Array>>();
  expectTypeOf(pool.grad(gaussianKl, single, single, { latent })).toEqualTypeOf<Promise<Gaussian<Float32Array>>>();
  expectTypeOf(pool.valueAndGrad(bce, [0.5], [1])).toEqualTypeOf<Promise<{ value: number; grad: Float64Array }>>();
  expectTypeOf(pool.valueAndGrad(gaussianKl, single, single, { latent, reduction: "none" })).toEqualTypeOf<
    Promise<{ value: Float32Array; grad: Gaussian<Float32Array> }>
  >();
  expectTypeOf(pool.valueGradHess(softmaxCrossEntropy, double, labels, { ignoreIndex: 0 })).toEqualTypeOf<
    Promise<{ value: number; grad: Float64Array; hess: Float64Array }>
  >();
});

it("a loss of which no more is known takes what all take", () => {
  const any: Loss = huber;
  expectTypeOf(pool.valueAndGrad(any, single, single, { weights: single })).toEqualTypeOf<
    Promise<{ value: number; grad: Float32Array }>
  >();
});

it("wrong arguments are errors of types as well", async () => {
  // @ts-expect-error: two types of array.
  await expect(pool.value(huber, single, double)).rejects.toThrow(TypeError);
  // @ts-expect-error: a misspelt option.
  await expect(pool.value(huber, single, single, { weight: single })).rejects.toThrow(TypeError);
  // @ts-expect-error: another loss's parameter.
  await expect(pool.value(mse, single, single, { delta: 1 })).rejects.toThrow(TypeError);
  // @ts-expect-error: soft targets without the number of classes.
  await expect(pool.grad(softmaxCrossEntropy, single, single)).rejects.toThrow(TypeError);
  // @ts-expect-error: an ignored label of soft targets.
  await expect(pool.grad(softmaxCrossEntropy, single, single, { classes: 2, ignoreIndex: 1 })).rejects.toThrow(
    TypeError,
  );
  // @ts-expect-error: labels for a loss that takes none.
  await expect(pool.value(klDivergence, single, labels, pairs)).rejects.toThrow(TypeError);
  // @ts-expect-error: no length of a row.
  await expect(pool.value(gaussianKl, single, single)).rejects.toThrow(TypeError);
  // @ts-expect-error: an output of another type.
  await expect(pool.grad(huber, single, single, { out: { grad: double } })).rejects.toThrow(TypeError);
  // @ts-expect-error: one buffer for two gradients.
  await expect(pool.grad(gaussianKl, single, single, { latent, out: { grad: single } })).rejects.toThrow(TypeError);
  // @ts-expect-error: a measure of images.
  await expect(pool.value(psnr, single, single)).rejects.toThrow(TypeError);
  // @ts-expect-error: the same.
  await expect(pool.value(ssim, single, single, { width: 1, height: 1 })).rejects.toThrow(TypeError);
  // @ts-expect-error: a loss of features.
  await expect(pool.value(perceptual, [single], [single])).rejects.toThrow(TypeError);
  // @ts-expect-error: a function that is no loss.
  await expect(pool.value(() => 1, single, single)).rejects.toThrow(TypeError);
});
