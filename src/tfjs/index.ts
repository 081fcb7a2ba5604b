/** The losses of this package as losses of TensorFlow.js. */
import { customGrad, mul, type Scalar, scalar, Tensor, tensor } from "@tensorflow/tfjs-core";
import type { CommonOptions, Loss } from "../types.js";

/** The loss's own parameters, and what every loss knows but "none" and `out`. */
export type TfjsOptions<P> = Pick<CommonOptions<Float32Array>, "weights"> & {
  /** @defaultValue "mean" */
  readonly reduction?: "mean" | "sum" | undefined;
} & { readonly [K in keyof P]?: P[K] | undefined };

/** Of TensorFlow.js' order of arguments, for `model.compile({ loss })` and within `tf.grad` or `tf.variableGrads`. */
export type TfjsLoss = (yTrue: Tensor, yPred: Tensor) => Scalar;

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
export function tfjsLoss<P extends object>(loss: Loss<P>, options?: TfjsOptions<P>): TfjsLoss {
  refuseStranger(loss);
  const who = `tfjsLoss(${loss.name})`;
  refuseOptions(who, options);
  // A call on nothing checks the options now rather than at the first batch; the weights' number is known only then.
  loss(new Float32Array(0), new Float32Array(0), options && { ...options, weights: undefined });

  function reduced(yTrue: Tensor, yPred: Tensor): Scalar {
    refuseTensors(who, yTrue, yPred);
    const { value, grad } = loss.valueAndGrad(numbers(yPred), numbers(yTrue), options);
    const withGradient = customGrad<Scalar>(() => ({
      value: scalar(value),
      gradFunc: (dy) => mul(dy, constant(who, grad, yPred)),
    }));
    return withGradient(yPred);
  }
  // TensorFlow.js calls a metric by its function's name.
  return Object.defineProperty(reduced, "name", { value: loss.name });
}

/** The gradient, which refuses to be differentiated: to TensorFlow.js it has no tie to yPred, and second derivatives would lack a term. */
function constant(who: string, grad: Float32Array, yPred: Tensor): Tensor {
  const refusing = customGrad(() => ({
    value: tensor(grad, yPred.shape),
    gradFunc: () => {
      throw new Error(`${who}: the gradient must not be differentiated, there is no second derivative`);
    },
  }));
  return refusing(yPred);
}

function numbers(given: Tensor): Float32Array {
  const data = given.dataSync();
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

function refuseStranger(loss: unknown): void {
  if (typeof loss === "function" && "valueAndGrad" in loss) return;
  throw new TypeError(`tfjsLoss: loss must be a loss of simdloss, got ${typeof loss}`);
}

function refuseOptions(who: string, options: unknown): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${who}: options must be an object, got ${String(options)}`);
  }
  if ("out" in options && options.out !== undefined)
    throw new TypeError(`${who}: out must be left out, the results are tensors`);
  if ("reduction" in options && options.reduction === "none") {
    throw new RangeError(`${who}: reduction must be "mean" or "sum", got "none"`);
  }
}

function refuseTensors(who: string, yTrue: Tensor, yPred: Tensor): void {
  refuseKind(who, "yTrue", yTrue, ["float32", "int32", "bool"]);
  refuseKind(who, "yPred", yPred, ["float32"]);
  if (yTrue.rank === yPred.rank && yTrue.shape.every((size, axis) => size === yPred.shape[axis])) return;
  throw new RangeError(
    `${who}: yTrue must have the shape of yPred [${yPred.shape.join(", ")}], got [${yTrue.shape.join(", ")}]`,
  );
}

function refuseKind(who: string, name: string, given: unknown, kinds: readonly string[]): void {
  if (!(given instanceof Tensor)) throw new TypeError(`${who}: ${name} must be a tensor, got ${typeof given}`);
  if (kinds.includes(given.dtype)) return;
  throw new TypeError(`${who}: ${name} must be ${kinds.join(" or ")}, got ${given.dtype}`);
}
