/** The network and its training: TensorFlow.js does everything but the loss. */
import { train as optimizers, tensor2d } from "@tensorflow/tfjs-core";
import { initializers, layers, type Sequential, sequential } from "@tensorflow/tfjs-layers";
import type { TfjsLoss } from "simdloss/tfjs";
import { pixels } from "../mnist.js";
import { batches, batchSize } from "./data.js";

/** Every call gives the same weights. */
function autoencoder(): Sequential {
  return sequential({
    layers: [
      layers.dense({
        inputShape: [pixels],
        units: 128,
        activation: "relu",
        kernelInitializer: initializers.glorotUniform({ seed: 1 }),
      }),
      layers.dense({
        units: pixels,
        activation: "sigmoid",
        kernelInitializer: initializers.glorotUniform({ seed: 2 }),
        // σ(−2) is about the average pixel. From 0, mae first turns every pixel black, and ends 0.5 dB lower.
        biasInitializer: initializers.constant({ value: -2 }),
      }),
    ],
  });
}

export interface Trained {
  readonly model: Sequential;
  /** The loss over the last epoch. */
  readonly value: number;
  /** Milliseconds of the average step, and of the loss in it. */
  readonly stepTime: number;
  readonly lossTime: number;
}

/** Trains a new autoencoder to give the digits back without their noise: the same batches and noise whichever the loss. */
export async function train(
  loss: TfjsLoss,
  digits: Float32Array,
  epochs: number,
  onStep: (step: number, value: number) => void,
): Promise<Trained> {
  let lossTime = 0;
  const timed: TfjsLoss = (yTrue, yPred) => {
    const started = performance.now();
    const value = loss(yTrue, yPred);
    lossTime += performance.now() - started;
    return value;
  };

  const model = autoencoder();
  const optimizer = optimizers.adam(2e-3);
  model.compile({ loss: timed, optimizer });

  let stepTime = 0;
  const values: number[] = [];
  for (const { clean, noisy } of batches(digits, epochs, 3)) {
    const input = tensor2d(noisy, [batchSize, pixels]);
    const target = tensor2d(clean, [batchSize, pixels]);
    const started = performance.now();
    const value = Number(await model.trainOnBatch(input, target));
    stepTime += performance.now() - started;
    input.dispose();
    target.dispose();
    onStep(values.push(value), value);
  }
  optimizer.dispose();

  const steps = values.length;
  const last = values.slice(-steps / epochs);
  return {
    model,
    value: last.reduce((sum, value) => sum + value, 0) / last.length,
    stepTime: stepTime / steps,
    lossTime: lossTime / steps,
  };
}

/** What the network makes of noisy digits. */
export function restore(model: Sequential, noisy: Float32Array): Float32Array {
  const input = tensor2d(noisy, [noisy.length / pixels, pixels]);
  const output = model.predict(input);
  if (Array.isArray(output)) throw new Error("an autoencoder has one output");
  const restored = Float32Array.from(output.dataSync());
  input.dispose();
  output.dispose();
  return restored;
}
