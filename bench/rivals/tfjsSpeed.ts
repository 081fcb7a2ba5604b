/**
 * TensorFlow.js by each backend that runs here. Its tensors are there before it is timed; the value and the gradient are read back, as one
 * must who wants them. Each tensor of a call is disposed of.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { RowName } from "../contestants.js";
import { temperature } from "../rows.js";
import {
  type Contestant,
  denseTarget,
  epsilon,
  isElementName,
  type Name,
  nanoseconds,
  plainlyAdded,
  repeat,
  type Task,
  wellAdded,
} from "./task.js";
import "./tfjs.js";
import { formulas } from "./tfjsLosses.js";

type Formula = (x: tf.Tensor, y: tf.Tensor) => tf.Tensor;

interface Answer {
  readonly value: ArrayLike<number>;
  readonly grads: readonly ArrayLike<number>[];
}

/** Means over rows. */
const rowLosses: Readonly<Record<RowName, Formula>> = {
  softmaxCrossEntropy: (logits, oneHot) => tf.losses.softmaxCrossEntropy(oneHot, logits),
  klDivergence: (q, p) => meanOfRows(tf.mul(p, tf.log(tf.div(p, tf.maximum(q, epsilon))))),
  klDivergenceWithLogits: (logits, p) => meanOfRows(tf.mul(p, tf.sub(tf.log(p), tf.logSoftmax(logits)))),
  distillation(logits, teacher) {
    const log = tf.logSoftmax(tf.div(teacher, temperature));
    const rows = tf.mul(tf.exp(log), tf.sub(log, tf.logSoftmax(tf.div(logits, temperature))));
    return tf.mul(meanOfRows(rows), temperature ** 2);
  },
  gaussianKl(mean, logVariance) {
    const rows = tf.sub(tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), 1), logVariance);
    return tf.mul(meanOfRows(rows), 0.5);
  },
};

function meanOfRows(terms: tf.Tensor): tf.Tensor {
  return tf.mean(tf.sum(terms, -1));
}

/** The library's own losses where there are any, and the mean, which is what their reduction comes to. */
function formulaOf(loss: Name): Formula {
  if (!isElementName(loss)) return rowLosses[loss];
  if (loss === "rmse") return (x, y) => tf.sqrt(tf.losses.meanSquaredError(y, x));
  const [{ of }] = formulas[loss];
  return (x, y) => tf.mean(of(x, y));
}

function tensors(task: Task): [tf.Tensor, tf.Tensor] {
  const { rows, length, prediction } = task;
  const shape = length === 1 ? [rows] : [rows, length];
  return [tf.tensor(prediction, shape), tf.tensor(denseTarget(task), shape)];
}

export function tfjs(backend: "cpu" | "wasm"): Contestant {
  return {
    name: `TF.js ${backend}`,
    version: tf.version_core,
    tolerance: backend === "wasm" ? plainlyAdded : wellAdded,
    async start(task) {
      await tf.setBackend(backend);
      const formula = formulaOf(task.loss);
      const [x, y] = tensors(task);
      const both = task.loss === "gaussianKl";
      const derive = both ? tf.valueAndGrads(formula) : tf.valueAndGrads((x: tf.Tensor) => formula(x, y));
      const run = (): Answer => {
        let answer: Answer = { value: [], grads: [] };
        // Not as tidy's result: it would look for tensors in every number.
        tf.tidy(() => {
          const { value, grads } = derive(both ? [x, y] : [x]);
          answer = { value: value.dataSync(), grads: grads.map((grad) => grad.dataSync()) };
        });
        return answer;
      };
      const { value, grads } = run();
      return {
        value: value[0] ?? Number.NaN,
        grads: grads.map((grad) => new Float32Array(grad)),
        async time(milliseconds) {
          await tf.setBackend(backend);
          return nanoseconds(repeat(run), milliseconds);
        },
        close() {
          x.dispose();
          y.dispose();
        },
      };
    },
    close() {},
  };
}
