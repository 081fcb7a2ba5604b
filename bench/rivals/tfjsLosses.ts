/** The losses of TensorFlow.js, its own where there are any: each element's loss, on any backend. */
import * as tf from "@tensorflow/tfjs-core";
import type { Loss } from "../../test/accuracy/cases.js";

const epsilon = 1e-6;
const clamp = 1e-7;
const alpha = 0.25;
const gamma = 2;

export interface Formula {
  readonly formula: string;
  readonly after: string | null;
  readonly of: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor;
}

const { NONE } = tf.Reduction;

export const formulas: Readonly<Record<Loss, readonly [Formula, ...Formula[]]>> = {
  mae: [
    {
      formula: "tf.losses.absoluteDifference",
      after: null,
      of: (x, y) => tf.losses.absoluteDifference(y, x, undefined, NONE),
    },
  ],
  mse: [
    {
      formula: "tf.losses.meanSquaredError",
      after: null,
      of: (x, y) => tf.losses.meanSquaredError(y, x, undefined, NONE),
    },
  ],
  huber: [{ formula: "tf.losses.huberLoss", after: null, of: (x, y) => tf.losses.huberLoss(y, x, undefined, 1, NONE) }],
  logCosh: [
    {
      formula: "e + softplus(−2e) − log 2",
      after: '"logcosh" of tfjs-layers',
      of(x, y) {
        const e = tf.sub(x, y);
        return tf.sub(tf.add(e, tf.softplus(tf.mul(e, -2))), Math.log(2));
      },
    },
    { formula: "log(cosh(e))", after: "tutorials", of: (x, y) => tf.log(tf.cosh(tf.sub(x, y))) },
  ],
  charbonnier: [
    {
      formula: "sqrt(e² + ε²)",
      after: "tutorials",
      of: (x, y) => tf.sqrt(tf.add(tf.square(tf.sub(x, y)), epsilon ** 2)),
    },
  ],
  bce: [{ formula: "tf.losses.logLoss", after: null, of: (x, y) => tf.losses.logLoss(y, x, undefined, clamp, NONE) }],
  bceWithLogits: [
    {
      formula: "tf.losses.sigmoidCrossEntropy",
      after: null,
      of: (x, y) => tf.losses.sigmoidCrossEntropy(y, x, undefined, 0, NONE),
    },
  ],
  focal: [
    {
      formula: "−α_t (1 − p_t)^γ log(p_t)",
      after: "tutorials",
      of(x, y) {
        const p = tf.clipByValue(x, clamp, 1 - clamp);
        const hit = tf.where(tf.equal(y, 1), p, tf.sub(1, p));
        return tf.neg(tf.mul(focus(hit, y), tf.log(hit)));
      },
    },
  ],
  focalWithLogits: [
    {
      formula: "α_t (1 − p_t)^γ BCE with logits",
      after: "torchvision.ops.sigmoid_focal_loss",
      of(x, y) {
        const p = tf.sigmoid(x);
        const hit = tf.add(tf.mul(p, y), tf.mul(tf.sub(1, p), tf.sub(1, y)));
        return tf.mul(focus(hit, y), tf.losses.sigmoidCrossEntropy(y, x, undefined, 0, NONE));
      },
    },
  ],
};

/** α_t (1 − p_t)^γ. */
function focus(hit: tf.Tensor, y: tf.Tensor): tf.Tensor {
  const weight = tf.add(tf.mul(y, alpha), tf.mul(tf.sub(1, y), 1 - alpha));
  return tf.mul(weight, tf.pow(tf.sub(1, hit), gamma));
}
