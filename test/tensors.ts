/** TensorFlow.js for tests: its backends, and comparison with its own losses. */
import { createRequire } from "node:module";
import { dirname, sep } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { expect } from "vitest";

tf.enableProdMode(); // no advice on stderr
setWasmPaths(dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm")) + sep);

export const backends = ["cpu", "wasm"] as const;

/** Both sides compute in float32 and add in another order: values agree to 1e-6 of themselves, gradients to 1e-6 of the largest. */
export const tolerance = 1e-6;

export function expectClose(actual: Float32Array, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  for (const [at, value] of actual.entries())
    expect(Math.abs(value - (expected[at] ?? Number.NaN)), `at ${at}`).toBeLessThanOrEqual(tolerance * largest);
}

export const floats = (tensor: tf.Tensor): Float32Array => Float32Array.from(tensor.dataSync());
