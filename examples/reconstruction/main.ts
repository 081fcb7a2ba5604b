/** Trains the same denoising autoencoder once with each loss, and compares what the trained networks restore. */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, relative } from "node:path";
import { setBackend } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-wasm";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command, Option } from "commander";
import { bce, charbonnier, huber, mae, mse } from "simdloss";
import { type TfjsLoss, tfjsLoss } from "simdloss/tfjs";
import { positive } from "../arguments.js";
import { digits, pixels, seeded } from "../mnist.js";
import { batchSize, withNoise } from "./data.js";
import { restore, type Trained, train } from "./model.js";
import { writePicture } from "./picture.js";

const losses: Record<string, TfjsLoss> = {
  mae: tfjsLoss(mae),
  mse: tfjsLoss(mse),
  bce: tfjsLoss(bce),
  charbonnier: tfjsLoss(charbonnier, { epsilon: 1e-3 }),
  huber: tfjsLoss(huber, { delta: 0.25 }), // a quarter of the way from black to white
};

const trainCount = 4096;
const heldOutCount = 500;
const shown = 10;

const program = new Command("npm start --")
  .description("Trains a denoising autoencoder on MNIST digits, once with each loss, and compares the results.")
  .addOption(new Option("--loss <name...>", "train with these only").choices(Object.keys(losses)))
  .option("--epochs <n>", "times that each digit is seen", positive, 6)
  .option("--out <path>", "where the picture goes, a PNG", "out/reconstruction.png")
  .addHelpText("after", "\nExample:\n  npm start -- --loss mae huber --epochs 2")
  .action(main);
// Uncaught, an error would come with all the source of TensorFlow.js' wasm backend, which rethrows it.
await program.parseAsync().catch((error: unknown) => {
  program.error(error instanceof Error && error.stack !== undefined ? error.stack : String(error));
});

interface Choice {
  readonly loss?: string[];
  readonly epochs: number;
  readonly out: string;
}

async function main({ loss: names = Object.keys(losses), epochs, out }: Choice): Promise<void> {
  makeRoom(out);
  await setBackend("wasm");

  const training = digits("train", trainCount);
  const clean = digits("t10k", heldOutCount);
  const noisy = withNoise(clean, seeded(4));
  const rows = [clean, noisy];
  const table = new Table({
    head: ["loss", "training value", "PSNR, dB", "ms a step", "within the loss"],
    colAligns: ["left", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  table.push(["(noisy input)", "", psnr(noisy, clean), "", ""]);

  console.log(
    `Epochs: ${epochs}, of ${trainCount} digits in steps of ${batchSize}; PSNR on ${heldOutCount} other digits.`,
  );
  for (const [name, loss] of Object.entries(losses)) {
    if (!names.includes(name)) continue;
    const { model, value, stepTime, lossTime } = await trainWithBar(name, loss, training, epochs);
    const restored = restore(model, noisy);
    model.dispose();
    rows.push(restored);
    table.push([name, value.toPrecision(3), psnr(restored, clean), stepTime.toFixed(1), lossTime.toFixed(2)]);
  }
  console.log(table.toString());
  console.log("Within the loss are its value, its gradient, and the copies of both tensors out of TensorFlow.js.");
  writePicture(out, rows, shown);
  const lines = ["clean", "noisy", ...Object.keys(losses).filter((name) => names.includes(name))];
  console.log(`${relative(process.cwd(), out)}: from the top, ${lines.join(", ")}`);
}

/** Says before the training, not after it, that the picture cannot be written. */
function makeRoom(out: string): void {
  try {
    mkdirSync(dirname(out), { recursive: true });
    closeSync(openSync(out, "a"));
  } catch (error) {
    program.error(`error: --out ${out} cannot be written: ${error instanceof Error ? error.message : error}`);
  }
}

/** A bar on a terminal; one line elsewhere. */
async function trainWithBar(name: string, loss: TfjsLoss, digits: Float32Array, epochs: number): Promise<Trained> {
  const format = `${name.padEnd(11)} {bar} {value}/{total} steps, loss {loss}, {duration_formatted}`;
  const bar = new SingleBar({ format, stream: process.stdout }, Presets.shades_classic);
  const steps = epochs * Math.floor(digits.length / pixels / batchSize);
  bar.start(steps, 0, { loss: "" });
  const started = performance.now();
  const trained = await train(loss, digits, epochs, (step, value) => bar.update(step, { loss: value.toPrecision(3) }));
  bar.stop();
  if (!process.stdout.isTTY) {
    const seconds = (performance.now() - started) / 1000;
    console.log(`${name}: ${steps} steps in ${seconds.toFixed(1)} s, training value ${trained.value.toPrecision(3)}`);
  }
  return trained;
}

/** Of pixels in [0, 1], in dB. */
function psnr(restored: Float32Array, clean: Float32Array): string {
  const total = mse.total(restored, clean);
  return (10 * Math.log10(1 / mse.fromTotal(total))).toFixed(2);
}
