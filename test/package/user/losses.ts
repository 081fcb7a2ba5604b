/** A user's file, which compiles where results have the types that are documented and wrong arguments are refused. */
import {
  Arena,
  bce,
  distillation,
  gaussianKl,
  huber,
  type Loss,
  mergeTotals,
  mse,
  perceptual,
  psnr,
  type RowLoss,
  softmaxCrossEntropy,
  ssim,
  type Total,
} from "simdloss";
import { create } from "simdloss/manual";
import { createPool, type Pool } from "simdloss/parallel";
import * as reference from "simdloss/reference";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Of that very type, and not of any. */
function is<Expected>() {
  return <Actual>(_actual: Actual, _same: Same<Expected, Actual>): void => {};
}

const single = new Float32Array(4);
const double = new Float64Array(4);
const labels = Int32Array.of(0, 1);
const none = { reduction: "none" } as const;
const pairs = { classes: 2 } as const;

/** Elements. */
is<number>()(huber(single, single), true);
is<number>()(huber([1], [2], { delta: 2, reduction: "sum" }), true);
is<Float32Array>()(huber(single, single, none), true);
is<Float64Array>()(huber([1], [2], none), true);
is<Float64Array>()(huber.grad(double, double), true);
is<{ value: number; grad: Float32Array }>()(huber.valueAndGrad(single, single), true);
is<{ value: Float64Array; grad: Float64Array; hess: Float64Array }>()(huber.valueGradHess(double, double, none), true);
is<Total>()(mergeTotals(mse.total(single, single), mse.total([1], [2])), true);
is<number>()(mse.fromTotal({ sum: 1, weight: 1 }), true);
// @ts-expect-error: an option that there is not.
huber(single, single, { detla: 1 });
// @ts-expect-error: another loss's parameter.
mse(single, single, { delta: 1 });
// @ts-expect-error: a parameter that is no number.
bce(single, single, { epsilon: "1" });
// @ts-expect-error: a reduction that there is not.
huber(single, single, { reduction: "median" });
// @ts-expect-error: two types of array.
huber(single, double);
// @ts-expect-error: one value each is no number.
is<number>()(huber(single, single, none), true);

/** Rows. */
is<number>()(softmaxCrossEntropy(single, labels), true);
is<Float32Array>()(softmaxCrossEntropy(single, labels, none), true);
is<Float64Array>()(distillation(double, double, { ...pairs, ...none }), true);
is<Float32Array>()(softmaxCrossEntropy.grad(single, single, pairs), true);
is<{ mean: Float32Array; logVariance: Float32Array }>()({ ...gaussianKl.grad(single, single, { latent: 2 }) }, true);
is<number>()(gaussianKl.valueAndGrad(double, double, { latent: 2 }).value, true);
// @ts-expect-error: soft targets without the number of classes.
softmaxCrossEntropy(single, single);
// @ts-expect-error: an option that there is not.
softmaxCrossEntropy(single, labels, { labelsmoothing: 0.1 });
// @ts-expect-error: the length of a row by another name.
gaussianKl(single, single, { classes: 2 });

/** Losses as arguments. */
export const ofElements = (loss: Loss): number => loss(single, single);
export const ofRows = (loss: RowLoss<"floats", { classes: number }>): number => loss(single, single, pairs);
ofElements(huber);
ofElements(reference.huber);
ofRows(distillation);
// @ts-expect-error: a loss of rows is none of elements.
ofElements(distillation);

/** Features and images. */
is<number>()(perceptual([single], [single], { layerWeights: [1] }), true);
is<Float32Array[]>()(perceptual([single], [single], none), true);
is<Float64Array[]>()(perceptual.grad([[1]], [double]), true);
is<number>()(psnr([1], [2], { peak: 255 }), true);
is<{ value: number; grad: Float64Array }>()(ssim.valueAndGrad([], [], { width: 11, height: 11, images: 0 }), true);
// @ts-expect-error: features that are one array.
perceptual(single, single);
// @ts-expect-error: an image without its size.
ssim(single, single);

/** Arena. */
const arena = new Arena({ bytes: 1024 });
is<Float32Array<ArrayBuffer>>()(arena.float32(4), true);
is<Int32Array<ArrayBuffer>>()(arena.int32(4), true);
is<number>()(arena.free, true);
huber.grad(arena.float32(4), single, { out: { grad: arena.float32(4) } });
// @ts-expect-error: no size.
new Arena();
// @ts-expect-error: a buffer of another type.
huber.grad(single, single, { out: { grad: arena.float64(4) } });

/** Pools. */
export async function pooled(): Promise<void> {
  await using pool: Pool = await createPool({ threads: 2 });
  is<number>()(await pool.value(huber, single, single), true);
  is<Float32Array>()(await pool.value(huber, single, single, none), true);
  is<{ value: number; grad: Float64Array }>()(await pool.valueAndGrad(distillation, double, double, pairs), true);
  // @ts-expect-error: an option that there is not.
  await pool.value(huber, single, single, { detla: 1 });
  // @ts-expect-error: an option that there is not.
  await createPool({ workers: 2 });
}

/** Entries that give the same functions. */
is<typeof huber>()(reference.huber, true);
export const given = (module: WebAssembly.Module): number => create(module).huber(single, single);
