/** The answers of TensorFlow.js, by each backend that runs here. */
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-layers"; // which brings the gradients of all operations
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import type { Answer, Outputs, Question } from "./rival.js";
import { type Formula, formulas } from "./tfjsLosses.js";

tf.enableProdMode(); // no advice on stderr
setWasmPaths(dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm")) + sep);

type Function = (x: tf.Tensor) => tf.Tensor;

const derivatives = {
  value: (of: Function): Function => of,
  grad: (of: Function): Function => tf.grad(of),
  hess: (of: Function): Function => tf.grad(tf.grad(of)),
};

/** Numbers that a tensor is given; more do not make it faster. */
const BLOCK = 2 ** 16;

export async function tfjs({ loss, predictions, targets }: Question): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const backend of ["cpu", "wasm"]) {
    await tf.setBackend(backend);
    for (const { formula, after, of } of formulas[loss]) {
      const outputs = targets.map((target): Outputs => {
        const work = (derive: (of: Function) => Function) =>
          map(predictions, target, (x, y) => derive((x) => of(x, y))(x));
        return { value: work(derivatives.value), grad: work(derivatives.grad), hess: work(derivatives.hess) };
      });
      answers.push({ rival: `TensorFlow.js ${backend}`, version: tf.version_core, formula, after, outputs });
    }
  }
  return answers;
}

/** Of all predictions, or why there is no such result. */
function map(predictions: Float32Array, target: number, of: Formula["of"]): Float32Array | string {
  const all = new Float32Array(predictions.length);
  for (let from = 0; from < predictions.length; from += BLOCK) {
    const block = predictions.subarray(from, from + BLOCK);
    try {
      tf.tidy(() => all.set(of(tf.tensor1d(block), tf.fill([block.length], target)).dataSync(), from));
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("Cannot compute gradient")) return error.message;
      throw error;
    }
  }
  return all;
}
