/** What is timed: a loss by wasm, by the reference and by a loop, on the same arrays, the caller's buffers reused. */
import * as kernels from "simdloss";
import * as reference from "simdloss/reference";
import { distributions, inputs, labels, logits, type Shape } from "./inputs.js";
import { naive } from "./naive.js";
import { type Careful, careful, type Gaussian, temperature } from "./rows.js";

const wasm = { ...kernels };
const plain = { ...reference };

export const asks = ["value", "valueAndGrad", "valueGradHess"] as const;
export type Ask = (typeof asks)[number];
type Asked = Readonly<Record<Ask, () => number>>;

/** Each returns the loss's value. */
export interface Contestants {
  readonly wasm: Asked;
  readonly reference: Asked;
  readonly loop: Asked;
}

/** A loss of simdloss, as far as it is called here. */
interface Timed<T, G, O> {
  (x: Float32Array, y: T, options: O): number;
  valueAndGrad(x: Float32Array, y: T, options: O & { out: { grad: G } }): { value: number };
  valueGradHess(x: Float32Array, y: T, options: O & { out: { grad: G; hess: G } }): { value: number };
}

function calls<T, G, O>(loss: Timed<T, G, O>, x: Float32Array, y: T, options: O, grad: G, hess: G): Asked {
  const filling = { ...options, out: { grad, hess } };
  return {
    value: () => loss(x, y, options),
    valueAndGrad: () => loss.valueAndGrad(x, y, filling).value,
    valueGradHess: () => loss.valueGradHess(x, y, filling).value,
  };
}

export type ElementName = keyof typeof naive;
export const elementNames = Object.keys(wasm).filter((name): name is ElementName => name in naive);

const kindOf = (name: ElementName): "residual" | "logit" | "probability" =>
  name === "bce" || name === "focal" ? "probability" : name.endsWith("WithLogits") ? "logit" : "residual";

export function elementwise(name: ElementName, n: number): Contestants {
  const { prediction, target } = inputs(kindOf(name), n);
  return race(wasm[name], plain[name], naive[name], prediction, target, n, {}, () => new Float32Array(n));
}

export type RowName = keyof typeof careful;
export const rowNames = Object.keys(wasm).filter((name): name is RowName => name in careful);

export function rowwise(name: RowName, shape: Shape): Contestants {
  const classes = shape[1];
  const length = shape[0] * classes;
  const floats = (): Float32Array => new Float32Array(length);
  const gaussian = (): Gaussian => ({ mean: floats(), logVariance: floats() });
  const x = logits(shape, 1);
  switch (name) {
    case "softmaxCrossEntropy":
      return race<Int32Array, Float32Array, { classes: number }>(
        wasm[name],
        plain[name],
        careful[name],
        x,
        labels(shape, 2),
        classes,
        { classes },
        floats,
      );
    case "klDivergence": {
      const prediction = distributions(shape, 1);
      const target = distributions(shape, 2);
      return race(wasm[name], plain[name], careful[name], prediction, target, classes, { classes }, floats);
    }
    case "klDivergenceWithLogits": {
      const target = distributions(shape, 2);
      return race(wasm[name], plain[name], careful[name], x, target, classes, { classes }, floats);
    }
    case "distillation": {
      const options = { classes, temperature };
      return race(wasm[name], plain[name], careful[name], x, logits(shape, 2), classes, options, floats);
    }
    case "gaussianKl": {
      const options = { latent: classes };
      return race(wasm[name], plain[name], careful[name], x, logits(shape, 2), classes, options, gaussian);
    }
  }
}

function race<T, G, O>(
  kernel: Timed<T, G, O>,
  formula: Timed<T, G, O>,
  loop: Careful<T, G>,
  x: Float32Array,
  y: T,
  classes: number,
  options: O,
  buffer: () => G,
): Contestants {
  const grad = buffer();
  const hess = buffer();
  return {
    wasm: calls(kernel, x, y, options, grad, hess),
    reference: calls(formula, x, y, options, grad, hess),
    loop: {
      value: () => loop.value(x, y, classes),
      valueAndGrad: () => loop.valueAndGrad(x, y, grad, classes),
      valueGradHess: () => loop.valueGradHess(x, y, grad, hess, classes),
    },
  };
}
