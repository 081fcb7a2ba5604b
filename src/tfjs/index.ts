/** The losses of this package as losses of TensorFlow.js. */
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { optionsOf } from "../options.js";
import type {
  CommonOptions,
  DivergenceLoss,
  GaussianLoss,
  Loss,
  Numbers,
  SoftmaxCrossEntropy,
  Ssim,
} from "../types.js";
import {
  differentiable,
  imagesOf,
  indices,
  numbers,
  refuseKind,
  refuseKinds,
  refuseOtherShape,
  rowLength,
  sameShape,
  shapeOf,
} from "./tensors.js";

export { type PerceptualLossOptions, perceptualLoss } from "./perceptual.js";

/** The loss's own parameters, and what every loss knows but "none" and `out`. */
export type TfjsOptions<P> = Pick<CommonOptions<Float32Array>, "weights"> & {
  /** @defaultValue "mean" */
  readonly reduction?: "mean" | "sum" | undefined;
} & { readonly [K in keyof P]?: P[K] | undefined };

/** Size and range of the images. */
export interface TfjsImageOptions {
  /** Pixels, at least 11; goes with `height`, and need not be given for tensors [images, height, width, channels]. */
  readonly width?: number | undefined;
  /** Pixels, at least 11; goes with `width`. */
  readonly height?: number | undefined;
  /** @defaultValue the last axis of [images, height, width, channels], otherwise 1 */
  readonly channels?: number | undefined;
  /**
   * The largest value that a pixel can have, 255 for bytes.
   * @defaultValue 1
   */
  readonly peak?: number | undefined;
}

/** Of TensorFlow.js' order of arguments, for `model.compile({ loss })` and within `tf.grad` or `tf.variableGrads`. */
export type TfjsLoss = (yTrue: Tensor, yPred: Tensor) => Scalar;

/** Of the two tensors of a Gaussian, with gradients to both. */
export type TfjsGaussianLoss = (mean: Tensor, logVariance: Tensor) => Scalar;

interface Classes {
  /** The last axis of yPred, and need not be given. */
  classes: number;
}

interface Latent {
  /** The last axis of both tensors, and need not be given. */
  latent: number;
}

interface Labelled extends Classes {
  /** One per class, finite and ≥ 0. */
  classWeights: Numbers;
  /** The label of rows that do not count; with class indices only. */
  ignoreIndex: number;
  /** @defaultValue 0 */
  labelSmoothing: number;
}

/**
 * Makes softmax cross entropy a loss of TensorFlow.js, of class indices or of soft targets.
 *
 * `yPred` holds logits, [..., C] float32. `yTrue` is of the same shape, soft or one-hot, float32, int32 or bool; or it holds class
 * indices, int32 or whole numbers in float32, in the shape without the last axis or with a last axis of 1. Where C is 1, [..., 1] is
 * soft. `weights` are one per row, in row-major order. What holds for every loss is said with the last overload.
 *
 * For any loss but its own sparse one, `model.fit` and `model.evaluate` want targets of the shape of the model's output: class indices go through
 * `model.fitDataset` or `tf.variableGrads`.
 * @throws TypeError, RangeError for options that the loss does not take (but weights, and the number of class weights where `classes` is
 * not given), at once; for tensors of the wrong kind or shape, a label that is no class, a soft target below 0, `ignoreIndex` with soft
 * targets, or `classes` that is not the last axis, when called.
 * @example tfjsLoss(softmaxCrossEntropy)(tf.tensor1d([0], "int32"), tf.tensor2d([[20, 0]])).dataSync()[0]; // ≈ 2.061154e-9
 */
export function tfjsLoss(loss: SoftmaxCrossEntropy, options?: TfjsOptions<Labelled>): TfjsLoss;
/**
 * Makes `gaussianKl` a function of two tensors, mean and log variance, with gradients to both.
 *
 * Both are float32 of one shape, [..., latent]; `weights` are one per row, in row-major order. What holds for every loss is said with
 * the last overload, but that there is no constant here.
 * @throws TypeError, RangeError for options that the loss does not take (but weights), at once; for tensors of the wrong kind or shape, or
 * `latent` that is not the last axis, when called.
 * @example tf.grads(tfjsLoss(gaussianKl, { reduction: "sum" }))([tf.tensor2d([[3, 0]]), tf.tensor2d([[0, 0]])]); // [[3, 0]], [[0, 0]]
 */
export function tfjsLoss(loss: GaussianLoss, options?: TfjsOptions<Latent>): TfjsGaussianLoss;
/**
 * Makes a divergence of rows a loss of TensorFlow.js.
 *
 * `yPred` is float32, `yTrue` float32, int32 or bool, both of one shape, [..., C]; `weights` are one per row, in row-major order. For
 * `distillation`, `yTrue` holds the teacher's logits. What holds for every loss is said with the last overload.
 * @throws TypeError, RangeError for options that the loss does not take (but weights), at once; for tensors of the wrong kind or shape,
 * `classes` that is not the last axis and values that the loss refuses, when called.
 * @example tf.variableGrads(() => tfjsLoss(distillation, { temperature: 2 })(teacher(images), student(images)));
 */
export function tfjsLoss<P extends object>(loss: DivergenceLoss<P>, options?: TfjsOptions<P & Classes>): TfjsLoss;
/**
 * Makes structural similarity a loss of TensorFlow.js, 1 − SSIM, by which images are trained to be alike.
 *
 * `yPred` is float32, `yTrue` float32, int32 or bool, both of one shape: [images, height, width, channels], or any other where the options give
 * `width` and `height`, and it holds whole images of that size. What holds for every loss is said with the last overload, but that there are no
 * `weights` and no `reduction`: the value is the mean over all images.
 * @throws TypeError, RangeError for options that are none, at once; for tensors of the wrong kind or shape, or images smaller than 11×11 pixels, when
 * called.
 * @example model.compile({ optimizer: "adam", loss: tfjsLoss(ssim) });
 * @example tfjsLoss(ssim, { width: 28, height: 28 })(tf.zeros([32, 784]), tf.ones([32, 784]));
 */
export function tfjsLoss(loss: Ssim, options?: TfjsImageOptions): TfjsLoss;
/**
 * Makes a loss of `simdloss` or `simdloss/reference` one of TensorFlow.js, with the loss's own gradient: one pass of `valueAndGrad`
 * gives both.
 *
 * `yPred` is float32, `yTrue` float32, int32 or bool, both of one shape, whichever it is. The value is a scalar, reduced over the
 * whole batch, so that `classWeight` of `model.fit` cannot reach the examples; `weights` are one per element, in row-major order.
 * `yTrue` is a constant, no gradient flows into it; and there is no second derivative. The data is read with `dataSync`: for the cpu
 * and wasm backends, where that is a copy at most. On webgl every call waits for the GPU; webgpu, which has no proper synchronous
 * read, is not supported.
 * @throws TypeError, RangeError for options that the loss does not take (but weights), at once; for tensors of the wrong kind or shape and values
 * that the loss refuses, when called.
 * @example model.compile({ optimizer: "adam", loss: tfjsLoss(huber, { delta: 0.5 }) });
 * @example tf.variableGrads(() => tfjsLoss(bceWithLogits)(labels, network(images)));
 * @see TensorFlow.js, https://js.tensorflow.org/api/latest/#customGrad
 */
export function tfjsLoss<P extends object>(loss: Loss<P>, options?: TfjsOptions<P>): TfjsLoss;
export function tfjsLoss(
  loss: SoftmaxCrossEntropy | GaussianLoss | DivergenceLoss<object> | Ssim | Loss,
  options?: TfjsOptions<Labelled & Latent> & TfjsImageOptions,
): TfjsLoss | TfjsGaussianLoss {
  refuseStranger(loss);
  const who = `tfjsLoss(${loss.name})`;
  refuseOptions(who, options);
  const reduced = reducedOf(who, loss, options);
  // TensorFlow.js calls a metric by its function's name.
  return Object.defineProperty(reduced, "name", { value: loss.name });
}

function reducedOf(
  who: string,
  loss: SoftmaxCrossEntropy | GaussianLoss | DivergenceLoss<object> | Ssim | Loss,
  options: (TfjsOptions<Labelled & Latent> & TfjsImageOptions) | undefined,
): TfjsLoss | TfjsGaussianLoss {
  if (!("kind" in loss)) return ofElements(who, loss, options);
  if (loss.kind === "images") return ofImages(who, loss, options);
  if (loss.kind === "labels") return ofLabels(who, loss, options);
  return loss.kind === "classes" ? ofClasses(who, loss, options) : ofGaussians(who, loss, options);
}

const nothing = new Float32Array(0);

// Each calls its loss on nothing, which checks the options now rather than at the first batch; the weights' number is known only then.

function ofElements(who: string, loss: Loss, options: TfjsOptions<object> | undefined): TfjsLoss {
  loss(nothing, nothing, options && { ...options, weights: undefined });

  return (yTrue, yPred) => {
    refuseKinds(who, yTrue, yPred);
    refuseOtherShape(who, "yTrue", yTrue, "yPred", yPred);
    const { value, grad } = loss.valueAndGrad(numbers(yPred), numbers(yTrue), options);
    return differentiable(who, value, [[yPred, grad]]);
  };
}

function ofLabels(who: string, loss: SoftmaxCrossEntropy, options: TfjsOptions<Labelled> | undefined): TfjsLoss {
  // Before the first batch, there may be any number of class weights.
  const count = options?.classWeights?.length;
  const classes = options?.classes ?? (count === undefined ? undefined : Math.max(1, count));
  loss(nothing, new Int32Array(0), { ...options, classes, weights: undefined });

  return (yTrue, yPred) => {
    refuseKinds(who, yTrue, yPred);
    const classes = rowLength(who, "classes", options?.classes, "yPred", yPred);
    const { value, grad } = sameShape(yTrue, yPred)
      ? loss.valueAndGrad(numbers(yPred), soft(yTrue), { ...options, classes })
      : loss.valueAndGrad(numbers(yPred), indices(who, yTrue, yPred, classes), { ...options, classes });
    return differentiable(who, value, [[yPred, grad]]);
  };

  function soft(yTrue: Tensor): Float32Array {
    if (options?.ignoreIndex === undefined) return numbers(yTrue);
    throw new TypeError(
      `${who}: ignoreIndex goes with class indices, got soft targets, of yPred's shape ${shapeOf(yTrue)}`,
    );
  }
}

function ofClasses(who: string, loss: DivergenceLoss<object>, options: TfjsOptions<Classes> | undefined): TfjsLoss {
  loss(nothing, nothing, { ...options, classes: options?.classes ?? 1, weights: undefined });

  return (yTrue, yPred) => {
    refuseKinds(who, yTrue, yPred);
    const classes = rowLength(who, "classes", options?.classes, "yPred", yPred);
    refuseOtherShape(who, "yTrue", yTrue, "yPred", yPred);
    const { value, grad } = loss.valueAndGrad(numbers(yPred), numbers(yTrue), { ...options, classes });
    return differentiable(who, value, [[yPred, grad]]);
  };
}

function ofGaussians(who: string, loss: GaussianLoss, options: TfjsOptions<Latent> | undefined): TfjsGaussianLoss {
  loss(nothing, nothing, { ...options, latent: options?.latent ?? 1, weights: undefined });

  return (mean, logVariance) => {
    refuseKind(who, "mean", mean, ["float32"]);
    refuseKind(who, "logVariance", logVariance, ["float32"]);
    const latent = rowLength(who, "latent", options?.latent, "mean", mean);
    refuseOtherShape(who, "logVariance", logVariance, "mean", mean);
    const { value, grad } = loss.valueAndGrad(numbers(mean), numbers(logVariance), { ...options, latent });
    return differentiable(who, value, [
      [mean, grad.mean],
      [logVariance, grad.logVariance],
    ]);
  };
}

function ofImages(who: string, loss: Ssim, options: TfjsImageOptions | undefined): TfjsLoss {
  optionsOf(who, ["width", "height", "channels", "peak"], options);
  const { width = 11, height = 11, channels = 1 } = options ?? {};
  loss(nothing, nothing, { ...options, width, height, channels, images: 0 });
  if ((options?.width === undefined) !== (options?.height === undefined)) {
    const [given, missing] = options?.width === undefined ? ["height", "width"] : ["width", "height"];
    throw new RangeError(`${who}: ${given} must come with ${missing}, got ${given} alone`);
  }

  return (yTrue, yPred) => {
    refuseKinds(who, yTrue, yPred);
    const images = imagesOf(who, options ?? {}, yPred);
    refuseOtherShape(who, "yTrue", yTrue, "yPred", yPred);
    const { value, grad } = loss.valueAndGrad(numbers(yPred), numbers(yTrue), { ...options, ...images });
    for (let k = 0; k < grad.length; k++) grad[k] = 0 - (grad[k] ?? 0);
    return differentiable(who, 1 - value, [[yPred, grad]]);
  };
}

function refuseStranger(loss: unknown): void {
  if (typeof loss === "function" && "valueAndGrad" in loss && ("total" in loss || "kind" in loss)) return;
  const got = typeof loss === "function" && "formula" in loss ? loss.name : typeof loss;
  const hint = got === "perceptual" ? ", for which there is perceptualLoss" : "";
  throw new TypeError(`tfjsLoss: loss must be a loss of simdloss, got ${got}${hint}`);
}

function refuseOptions(who: string, options: unknown): void {
  if (options === undefined) return;
  if (Array.isArray(options) || ArrayBuffer.isView(options)) {
    throw new TypeError(`${who}: options must be an object, got an array`);
  }
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${who}: options must be an object, got ${String(options)}`);
  }
  if ("out" in options && options.out !== undefined)
    throw new TypeError(`${who}: out must be left out, the results are tensors`);
  if ("reduction" in options && options.reduction === "none") {
    throw new RangeError(`${who}: reduction must be "mean" or "sum", got "none"`);
  }
}
