/** Learns to read handwritten digits with softmax cross entropy, and shows how well. */
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command, InvalidArgumentError } from "commander";
import { softmaxCrossEntropy } from "simdloss";
import { positive } from "../arguments.js";
import { classes, counts, digits, labels, pixels, readings, type Split } from "../mnist.js";
import { type Examples, logitsOf, type Settings, type Trained, train } from "./model.js";
import { drawn } from "./picture.js";

const program = new Command("npm run digits --")
  .description(
    "Trains a softmax regression on the 60,000 training digits of MNIST with softmaxCrossEntropy.valueAndGrad, and tests it on the 10,000 others.",
  )
  .option("--epochs <n>", "times that each digit is seen", positive, 5)
  .option("--batch <n>", "digits in a step", positive, 50)
  .option("--rate <x>", "learning rate of the first step; it falls to 0 by the last", rate, 1)
  .option("--seed <n>", "decides the order of the digits; the same seed gives the same result", whole, 1)
  .addHelpText("after", "\nExample:\n  npm run digits -- --epochs 2 --batch 100")
  .parse();
main(program.opts<Settings>());

function rate(text: string): number {
  if (Number(text) > 0 && Number.isFinite(Number(text))) return Number(text);
  throw new InvalidArgumentError("It must be a number greater than 0.");
}

function whole(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number, at least 0.");
}

function main(settings: Settings): void {
  const training = examples("train");
  const test = examples("t10k");
  const trained = trainWithBar(training, settings);

  const logits = logitsOf(trained.model, test.digits);
  const losses = softmaxCrossEntropy(logits, test.labels, { reduction: "none" });
  const read = readings(logits);
  const misread = [...read.keys()].filter((digit) => read[digit] !== test.labels[digit]);
  const value = softmaxCrossEntropy(logits, test.labels);
  if (!Number.isFinite(value)) program.error(`error: with --rate ${settings.rate} the training diverges`);
  const right = read.length - misread.length;
  const share = ((100 * trained.lossTime) / trained.time).toFixed(1);
  const each = (trained.lossTime / trained.steps).toFixed(3);
  console.log(`
accuracy  ${percent(right, read.length)} of ${read.length.toLocaleString("en")} test digits
loss      ${value.toFixed(4)} on them, ${trained.value.toFixed(4)} in the last epoch of training
time      ${(trained.time / 1000).toFixed(1)} s of training, ${share} % of it within the loss: ${each} ms a step
`);
  console.log(perDigit(test.labels, read));
  const worst = misread.sort((a, b) => (losses[b] ?? 0) - (losses[a] ?? 0)).slice(0, 3);
  if (worst.length > 0) {
    console.log("\nThe misread digits with the largest loss:\n");
    const pictures = worst.map((digit) => ({
      caption: `${test.labels[digit]} read as ${read[digit]}, loss ${losses[digit]?.toFixed(1)}`,
      pixels: test.digits.subarray(digit * pixels, (digit + 1) * pixels),
    }));
    console.log(drawn(pictures));
  }
}

function examples(split: Split): Examples {
  return { digits: digits(split, counts[split]), labels: labels(split, counts[split]) };
}

/** A bar on a terminal; a line for each epoch elsewhere. */
function trainWithBar(training: Examples, settings: Settings): Trained {
  const { epochs, batch } = settings;
  const perEpoch = Math.ceil(training.labels.length / batch);
  const format = "training {bar} {value}/{total} steps, loss {loss}, {duration_formatted}";
  const bar = new SingleBar({ format, stream: process.stdout }, Presets.shades_classic);
  bar.start(epochs * perEpoch, 0, { loss: "…" });
  const trained = train(training, settings, (step, value) => {
    const loss = value.toFixed(4);
    bar.update(step, { loss });
    if (step % perEpoch === 0 && !process.stdout.isTTY) {
      console.log(`epoch ${step / perEpoch} of ${epochs}: training loss ${loss}`);
    }
  });
  bar.stop();
  return trained;
}

function percent(part: number, all: number): string {
  return `${((100 * part) / all).toFixed(2)} %`;
}

function perDigit(labels: Uint8Array, read: readonly number[]): string {
  const table = new Table({
    head: ["digit", "tested", "right", "accuracy", "most often misread as"],
    colAligns: ["right", "right", "right", "right", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (let label = 0; label < classes; label++) {
    const answers = read.filter((_, digit) => labels[digit] === label);
    const times = Array.from({ length: classes }, (_, answer) => answers.filter((given) => given === answer).length);
    const right = times[label] ?? 0;
    const wrong = times.map((n, answer) => (answer === label ? 0 : n));
    const most = Math.max(...wrong);
    const misread = most === 0 ? "" : `${wrong.indexOf(most)}, ${most} ${most === 1 ? "time" : "times"}`;
    table.push([label, answers.length, right, percent(right, answers.length), misread]);
  }
  return table.toString();
}
