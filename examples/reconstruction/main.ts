/** Trains the same denoising autoencoder with each loss, and compares what the trained networks restore. */
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, relative } from "node:path";
import { add, setBackend } from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-wasm";
import type { Sequential } from "@tensorflow/tfjs-layers";
import { Presets, SingleBar } from "cli-progress";
import { Command, Option } from "commander";
import { bce, charbonnier, huber, mae, mse, psnr, softmaxCrossEntropy, ssim } from "simdloss";
import { perceptualLoss, type TfjsLoss, tfjsLoss } from "simdloss/tfjs";
import { positive } from "../arguments.js";
import { counts, digits, labels, readings, side } from "../mnist.js";
import { seeded } from "../random.js";
import { batchSize, type Course, reading, restoring, withNoise } from "./data.js";
import { autoencoder, classifier, outputs, type Trained, train } from "./model.js";
import { writePicture } from "./picture.js";
import { type Likeness, type Run, tableOf } from "./results.js";

const image = { width: side, height: side };

/** Of a network that reads digits, mae+perceptual compares the features. */
const losses: Record<string, (reader: Sequential) => TfjsLoss> = {
  mae: () => tfjsLoss(mae),
  mse: () => tfjsLoss(mse),
  bce: () => tfjsLoss(bce),
  charbonnier: () => tfjsLoss(charbonnier, { epsilon: 1e-3 }),
  huber: () => tfjsLoss(huber, { delta: 0.25 }), // a quarter of the way from black to white
  // The features then come to a third of mae; at 0.1, to as much as it, and PSNR is 0.3 dB lower.
  "mae+perceptual": (reader) => sum(tfjsLoss(mae), perceptualLoss(reader, { hidden1: 0.03, hidden2: 0.03 })),
  "1-ssim": () => tfjsLoss(ssim, image),
};

function sum(one: TfjsLoss, other: TfjsLoss): TfjsLoss {
  return (yTrue, yPred) => add(one(yTrue, yPred), other(yTrue, yPred));
}

const trainCount = 4096;
const heldOutCount = 500;
const shown = 10;

const program = new Command("npm start --")
  .description("Trains a denoising autoencoder on MNIST digits, once with each loss, and compares the results.")
  .addOption(new Option("--loss <name...>", "train with these only").choices(Object.keys(losses)))
  .option("--epochs <n>", "times that each digit is seen", positive, 6)
  .option("--seeds <n>", "trainings with each loss, of other first weights, order and noise", positive, 1)
  .option("--out <path>", "where the picture goes, a PNG", "out/reconstruction.png")
  .addHelpText(
    "after",
    `
mae+perceptual adds to mae how far the features of the restored digits are from
those of the clean ones: the hidden layers of a network that is first trained,
once, to read digits. 1-ssim is 1 minus the structural similarity.

Examples:
  npm start -- --loss mae huber --epochs 2
  npm start -- --seeds 3`,
  )
  .action(main);
// Uncaught, an error would come with all the source of TensorFlow.js' wasm backend, which rethrows it.
await program.parseAsync().catch((error: unknown) => {
  program.error(error instanceof Error && error.stack !== undefined ? error.stack : String(error));
});

interface Choice {
  readonly loss?: string[];
  readonly epochs: number;
  readonly seeds: number;
  readonly out: string;
}

async function main({ loss: wanted, epochs, seeds, out }: Choice): Promise<void> {
  makeRoom(out);
  await setBackend("wasm");
  const chosen = Object.entries(losses).filter(([name]) => wanted?.includes(name) ?? true);

  const reader = classifier();
  const perceptual = chosen.some(([name]) => name === "mae+perceptual");
  if (perceptual) await teach(reader); // once, whatever the seeds: it belongs to the loss

  const training = digits("train", trainCount);
  const clean = digits("t10k", heldOutCount);
  const noisy = withNoise(clean, seeded(0)); // a seed that no training has
  const rows = [clean, noisy];
  const runs = new Map<string, Run[]>();
  for (const [name, lossWith] of chosen) {
    const own: Run[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const label = seeds === 1 ? name : `${name} ${seed}/${seeds}`;
      const model = autoencoder(seed);
      const trained = await trainWithBar(label, model, lossWith(reader), restoring(training, epochs, seed));
      const restored = outputs(model, noisy);
      model.dispose();
      if (seed === 1) rows.push(restored);
      own.push({ ...trained, ...likeness(restored, clean) });
    }
    runs.set(name, own);
  }

  const course = `${epochs} ${epochs === 1 ? "epoch" : "epochs"} of ${trainCount} digits in steps of ${batchSize}`;
  const spread = seeds === 1 ? "" : `, mean ± standard deviation of ${seeds} trainings`;
  console.log(`\n${course}; PSNR and SSIM of ${heldOutCount} other digits${spread}.`);
  console.log(tableOf(likeness(noisy, clean), runs));
  const features = perceptual ? "; in mae+perceptual, the classifier too" : "";
  console.log(
    `Within the loss are its value, its gradient, and the copies of both tensors out of TensorFlow.js${features}.`,
  );
  writePicture(out, rows, shown);
  console.log(`${relative(process.cwd(), out)}: from the top, ${["clean", "noisy", ...runs.keys()].join(", ")}`);
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

async function teach(reader: Sequential): Promise<void> {
  const lessons = reading(digits("train", counts.train), labels("train", counts.train), 1, 1);
  await trainWithBar("classifier", reader, tfjsLoss(softmaxCrossEntropy), lessons);
  const truth = labels("t10k", counts.t10k);
  const read = readings(outputs(reader, digits("t10k", counts.t10k)));
  const right = read.filter((label, digit) => label === truth[digit]).length;
  const share = ((100 * right) / read.length).toFixed(1);
  console.log(`The classifier reads ${share} % of ${read.length.toLocaleString("en")} test digits right.`);
}

/** A bar on a terminal; one line elsewhere. */
async function trainWithBar(label: string, model: Sequential, loss: TfjsLoss, course: Course): Promise<Trained> {
  const format = `${label.padEnd(18)} {bar} {value}/{total} steps, loss {loss}, {duration_formatted}`;
  const bar = new SingleBar({ format, stream: process.stdout }, Presets.shades_classic);
  bar.start(course.steps, 0, { loss: "" });
  const started = performance.now();
  const trained = await train(model, loss, course, (step, value) => bar.update(step, { loss: value.toPrecision(3) }));
  bar.stop();
  if (!process.stdout.isTTY) {
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `${label}: ${course.steps} steps in ${seconds.toFixed(1)} s, training value ${trained.value.toPrecision(3)}`,
    );
  }
  return trained;
}

function likeness(restored: Float32Array, clean: Float32Array): Likeness {
  return { psnr: psnr(restored, clean), ssim: ssim(restored, clean, { ...image, images: heldOutCount }) };
}
