/** What losses read from tensors, and what they give back. */
import { customGrad, mul, type Scalar, scalar, Tensor, tensor } from "@tensorflow/tfjs-core";

/** The value, with what the loss found its derivatives by these tensors to be. */
export function differentiable(
  who: string,
  value: number,
  derivatives: readonly (readonly [by: Tensor, grad: Float32Array])[],
): Scalar {
  const withGradients = customGrad<Scalar>(() => ({
    value: scalar(value),
    gradFunc: (dy) => derivatives.map(([by, grad]) => mul(dy, constant(who, grad, by))),
  }));
  return withGradients(...derivatives.map(([by]) => by));
}

/** A gradient, which refuses to be differentiated: to TensorFlow.js it has no tie to `by`, and second derivatives would lack a term. */
function constant(who: string, grad: Float32Array, by: Tensor): Tensor {
  const refusing = customGrad(() => ({
    value: tensor(grad, by.shape),
    gradFunc: () => {
      throw new Error(`${who}: the gradient must not be differentiated, there is no second derivative`);
    },
  }));
  return refusing(by);
}

export function numbers(given: Tensor): Float32Array {
  const data = given.dataSync();
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/** Class indices, one for each row of yPred; as float32, in which TensorFlow.js often hands labels on, they must be whole numbers. */
export function indices(who: string, yTrue: Tensor, yPred: Tensor, classes: number): Int32Array {
  refuseOtherRows(who, yTrue, yPred);
  if (yTrue.dtype === "bool") {
    throw new TypeError(`${who}: yTrue must be float32 or int32 where it holds class indices, got bool`);
  }
  const data = yTrue.dataSync();
  if (data instanceof Int32Array) return data;
  const labels = Int32Array.from(data);
  const row = labels.findIndex((label, at) => label !== data[at]);
  if (row < 0) return labels;
  const why = Number.isInteger(data[row]) ? `in 0…${classes - 1}` : "a whole number";
  throw new RangeError(`${who}: label ${data[row]} at row ${row} is not ${why}`);
}

/** How many numbers a row has, along the last axis, with which what was given must agree. */
export function rowLength(
  who: string,
  option: "classes" | "latent",
  given: number | undefined,
  name: string,
  tensor: Tensor,
): number {
  const length = tensor.shape.at(-1) ?? 0;
  if (length === 0) {
    const least = option === "classes" ? "1 class" : "1 latent variable";
    throw new RangeError(
      `${who}: ${name} must have rows of at least ${least} along its last axis, got ${shapeOf(tensor)}`,
    );
  }
  if (given === undefined || given === length) return length;
  throw new RangeError(
    `${who}: ${option} must be ${length}, the last axis of ${name} ${shapeOf(tensor)}, got ${given}`,
  );
}

interface Images {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

type GivenImages = { readonly [side in "height" | "width" | "channels"]?: number | undefined };

/** How many images there are, and of which size: by the shape [images, height, width, channels], or any other's by the options. */
export function imagesOf(who: string, given: GivenImages, tensor: Tensor): Images {
  return tensor.shape.length === 4 ? imagesByShape(who, given, tensor) : imagesBySize(who, given, tensor);
}

function imagesByShape(who: string, given: GivenImages, tensor: Tensor): Images {
  const [images = 0, height = 0, width = 0, channels = 0] = tensor.shape;
  const found = { images, height, width, channels };
  for (const side of ["height", "width", "channels"] as const) {
    if (given[side] === undefined || given[side] === found[side]) continue;
    throw new RangeError(`${who}: ${side} must be ${found[side]}, as in yPred ${shapeOf(tensor)}, got ${given[side]}`);
  }
  return found;
}

function imagesBySize(who: string, { height, width, channels = 1 }: GivenImages, tensor: Tensor): Images {
  if (height === undefined || width === undefined) {
    const shape = "[images, height, width, channels]";
    throw new RangeError(`${who}: yPred must be ${shape} where width and height are not given, got ${shapeOf(tensor)}`);
  }
  const [, second, third] = tensor.shape;
  if (tensor.shape.length === 3 && width !== height && second === width && third === height) {
    const shape = `[images, ${height}, ${width}]`;
    throw new RangeError(`${who}: yPred must be ${shape}, height before width, got ${shapeOf(tensor)}`);
  }
  const images = tensor.size / (height * width * channels);
  if (Number.isInteger(images)) return { images, height, width, channels };
  const one = `${height} × ${width} × ${channels} (height × width × channels)`;
  throw new RangeError(`${who}: yPred must hold whole images of ${one}, got ${shapeOf(tensor)}`);
}

export function shapeOf({ shape }: { shape: readonly (number | null)[] }): string {
  return `[${shape.map(String).join(", ")}]`;
}

export function sameShape(one: { shape: readonly number[] }, other: { shape: readonly number[] }): boolean {
  return one.shape.length === other.shape.length && one.shape.every((size, axis) => size === other.shape[axis]);
}

export function refuseOtherShape(who: string, name: string, given: Tensor, likeName: string, like: Tensor): void {
  if (sameShape(given, like)) return;
  throw new RangeError(`${who}: ${name} must have the shape of ${likeName} ${shapeOf(like)}, got ${shapeOf(given)}`);
}

/** Refuses all but one number for each row of yPred. */
function refuseOtherRows(who: string, yTrue: Tensor, yPred: Tensor): void {
  const rows = { shape: yPred.shape.slice(0, -1) };
  const column = { shape: [...rows.shape, 1] };
  if (sameShape(yTrue, rows) || sameShape(yTrue, column)) return;
  const shapes = sameShape(column, yPred) ? shapeOf(rows) : `${shapeOf(rows)} or ${shapeOf(column)}`;
  throw new RangeError(
    `${who}: yTrue must have the shape of yPred ${shapeOf(yPred)}, or ${shapes} for class indices, got ${shapeOf(yTrue)}`,
  );
}

export function refuseKinds(who: string, yTrue: unknown, yPred: unknown): void {
  refuseKind(who, "yTrue", yTrue, ["float32", "int32", "bool"]);
  refuseKind(who, "yPred", yPred, ["float32"]);
}

export function refuseKind(
  who: string,
  name: string,
  given: unknown,
  kinds: readonly string[],
): asserts given is Tensor {
  if (!(given instanceof Tensor)) throw new TypeError(`${who}: ${name} must be a tensor, got ${typeof given}`);
  if (kinds.includes(given.dtype)) return;
  throw new TypeError(`${who}: ${name} must be ${kinds.join(" or ")}, got ${given.dtype}`);
}
