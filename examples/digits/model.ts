/** Softmax regression of digits: simdloss gives the loss and its gradient, plain loops the rest. */
import { softmaxCrossEntropy } from "simdloss";
import { classes, pixels } from "../mnist.js";
import { seeded, shuffled } from "../random.js";

export interface Examples {
  readonly digits: Float32Array;
  readonly labels: Uint8Array;
}

export interface Model {
  /** A row of `classes` for each pixel. */
  readonly weights: Float32Array;
  readonly biases: Float32Array;
}

export interface Settings {
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  readonly seed: number;
}

export interface Trained {
  readonly model: Model;
  /** The loss over the last epoch. */
  readonly value: number;
  readonly steps: number;
  /** Milliseconds of all steps, and of the loss in them. */
  readonly time: number;
  readonly lossTime: number;
}

/** Stochastic gradient descent, the rate falling to 0 in a straight line; `onStep` is told the epoch's loss so far. */
export function train(
  { digits, labels }: Examples,
  { epochs, batch, rate, seed }: Settings,
  onStep: (step: number, value: number) => void,
): Trained {
  const count = labels.length;
  const size = Math.min(batch, count);
  const steps = epochs * Math.ceil(count / size);
  const model = { weights: new Float32Array(pixels * classes), biases: new Float32Array(classes) };
  const batchLabels = new Uint8Array(size);
  const batchLogits = new Float32Array(size * classes);
  const batchGrad = new Float32Array(size * classes);
  const random = seeded(seed);

  let step = 0;
  let value = 0;
  let lossTime = 0;
  const started = performance.now();
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffled(count, random);
    let sum = 0;
    for (let first = 0; first < count; first += size) {
      const chosen = order.subarray(first, first + size);
      const logits = batchLogits.subarray(0, chosen.length * classes);
      chosen.forEach((digit, row) => {
        batchLabels[row] = labels[digit] ?? 0;
        multiply(model, digits, digit, logits, row);
      });

      const lossStarted = performance.now();
      const loss = softmaxCrossEntropy.valueAndGrad(logits, batchLabels.subarray(0, chosen.length), {
        out: { grad: batchGrad.subarray(0, logits.length) },
      });
      lossTime += performance.now() - lossStarted;

      const stepRate = rate * (1 - step / steps);
      chosen.forEach((digit, row) => {
        descend(model, digits, digit, loss.grad, row, stepRate);
      });
      sum += loss.value * chosen.length;
      value = sum / (first + chosen.length);
      step++;
      onStep(step, value);
    }
  }
  return { model, value, steps, time: performance.now() - started, lossTime };
}

/** The logits of digits, `classes` each. */
export function logitsOf(model: Model, digits: Float32Array): Float32Array {
  const count = digits.length / pixels;
  const logits = new Float32Array(count * classes);
  for (let digit = 0; digit < count; digit++) multiply(model, digits, digit, logits, digit);
  return logits;
}

/** Sets a row of logits to biases + pixels · weights. Four pixels in five are black, and add nothing. */
function multiply({ weights, biases }: Model, digits: Float32Array, digit: number, logits: Float32Array, row: number) {
  const to = row * classes;
  logits.set(biases, to);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const white = digits[digit * pixels + pixel] ?? 0;
    if (white === 0) continue;
    for (let c = 0; c < classes; c++) {
      logits[to + c] = (logits[to + c] ?? 0) + white * (weights[pixel * classes + c] ?? 0);
    }
  }
}

/** Moves weights and biases against the gradient that a digit's row of logits has. */
function descend(
  { weights, biases }: Model,
  digits: Float32Array,
  digit: number,
  grad: Float32Array,
  row: number,
  rate: number,
): void {
  const from = row * classes;
  for (let c = 0; c < classes; c++) biases[c] = (biases[c] ?? 0) - rate * (grad[from + c] ?? 0);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const white = digits[digit * pixels + pixel] ?? 0;
    if (white === 0) continue;
    for (let c = 0; c < classes; c++) {
      const at = pixel * classes + c;
      weights[at] = (weights[at] ?? 0) - rate * white * (grad[from + c] ?? 0);
    }
  }
}
