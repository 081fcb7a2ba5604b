/** A thousand million elements through `total` in flat memory, and what an element costs as arrays grow. */
import { mkdirSync, writeFileSync } from "node:fs";
import { freemem } from "node:os";
import { dirname } from "node:path";
import { SingleBar } from "cli-progress";
import { Command } from "commander";
import { bceWithLogits, mergeTotals, mse } from "simdloss";
import { print } from "../test/accuracy/table.js";
import { sizes } from "./arguments.js";
import { inputs } from "./inputs.js";
import { installPackages } from "./rivals/installed/install.js";
import { nanoseconds, quantile, repeat } from "./rivals/task.js";
import { type Pieces, type ScaleReport, type ScaleRow, sizeName } from "./scaleReport.js";
import { machine, milliseconds } from "./timing.js";

const program = new Command("npm run bench:scale --")
  .description(
    "Adds up 10⁹ elements in pieces by total and mergeTotals, and times valueAndGrad of mse and bceWithLogits, Float32Array, buffers reused, " +
      "from 1 Ki elements to 256 Mi, four times as many each time.",
  )
  .option("--max <n>", "the most elements in one array", (text) => sizes(text)[0], 2 ** 28)
  .option("--time <ms>", "how long to measure each size of each loss", milliseconds, 500)
  .option("--json <path>", "where the figures go", "out/scale.json")
  .option("--svg <path>", "where the chart goes", "out/scale.svg")
  .addHelpText("after", "\nExample:\n  npm run bench:scale -- --max 16777216 --time 100")
  .parse();
const options = program.opts<{ max: number; time: number; json: string; svg: string }>();

const losses = { mse, bceWithLogits };
const kinds = { mse: "residual", bceWithLogits: "logit" } as const;
const names = ["mse", "bceWithLogits"] as const;

/** Turns of each size. */
const ROUNDS = 5;

installPackages();
const pieces = addPieces();
const { now, before, most, sum, exact, weight, seconds } = pieces;
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
console.log(
  `mse.total of ${weight.toLocaleString("en")} elements in pieces of ${pieces.piece.toLocaleString("en")}, ${seconds.toFixed(1)} s: ` +
    `${sum}, exactly ${exact}, relative error ${Math.abs(sum - exact) / exact}`,
);
print(
  ["memory", "before", "most", "after"],
  ["memory"],
  [
    ["rss", megabytes(before.rss), megabytes(most.rss), megabytes(now.rss)],
    ["arrayBuffers", megabytes(before.arrayBuffers), megabytes(most.arrayBuffers), megabytes(now.arrayBuffers)],
  ],
);
const left: string[] = [];
const rows = await costs(left);
const report: ScaleReport = { ...machine, pieces, left, rows };
print(
  ["elements", ...names.map((name) => `${name} ns an element`)],
  [],
  [...new Set(rows.map(({ elements }) => elements))].map((n) => [
    sizeName(n),
    ...names.map((name) => rows.find(({ loss, elements }) => loss === name && elements === n)?.median.toFixed(3) ?? ""),
  ]),
);
for (const line of left) console.log(line);
console.log(`${machine.date}, Node ${machine.node}, ${machine.cpu}, one thread`);
write(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
const { scaleChart } = await import("./rivals/chart.js");
write(options.svg, await scaleChart(report));
console.log(`Figures in ${options.json}, a chart in ${options.svg}`);

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Residuals are 0 to 999, each as often: squares and their sums are whole numbers that f32 and f64 hold, so that not one bit may be lost. */
function addPieces(): Pieces {
  const piece = 1_000_000;
  const count = 1000;
  const prediction = new Float32Array(piece);
  const target = new Float32Array(piece);
  const fill = (first: number): void => {
    for (let k = 0; k < piece; k++) prediction[k] = (first + k) % 1000;
  };
  fill(0);
  let total = mse.total(prediction, target);
  const before = memory();
  const most = { ...before };
  const start = performance.now();
  for (let k = 1; k < count; k++) {
    fill(k);
    total = mergeTotals(total, mse.total(prediction, target));
    const { rss, arrayBuffers } = memory();
    most.rss = Math.max(most.rss, rss);
    most.arrayBuffers = Math.max(most.arrayBuffers, arrayBuffers);
  }
  const seconds = (performance.now() - start) / 1000;
  // Σ j² for j < m is (m − 1) m (2m − 1)/6.
  const exact = ((999 * 1000 * 1999) / 6) * (piece / 1000) * count;
  return { piece, ...total, exact, seconds, before, most, now: memory() };
}

function memory(): { rss: number; arrayBuffers: number } {
  const { rss, arrayBuffers } = process.memoryUsage();
  return { rss, arrayBuffers };
}

/** Of each size, in turns; what does not fit into memory is left out, and said to be. */
async function costs(left: string[]): Promise<ScaleRow[]> {
  const wanted: number[] = [];
  for (let n = 1024; n <= options.max; n *= 4) wanted.push(n);
  const free = freemem();
  // Three arrays, and as much again for everything else.
  const there = wanted.filter((n) => n * 12 < free / 2);
  for (const n of wanted.filter((n) => !there.includes(n)))
    left.push(`${sizeName(n)} elements are left out: they need ${megabytes(24 * n)}, ${megabytes(free)} are free`);
  const largest = there.at(-1) ?? 0;
  const out = { grad: new Float32Array(largest) };
  const bar = new SingleBar({ format: "{bar} {value}/{total}  {eta_formatted} left", stopOnComplete: true });
  if (process.stdout.isTTY) bar.start(ROUNDS * there.length * names.length, 0);
  const rows: ScaleRow[] = [];
  for (const loss of names) {
    const { prediction, target } = repeated(kinds[loss], largest);
    const rounds = there.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [k, n] of there.entries()) {
        const x = prediction.subarray(0, n);
        const y = target.subarray(0, n);
        const own = { out: { grad: out.grad.subarray(0, n) } };
        const run = repeat(() => losses[loss].valueAndGrad(x, y, own));
        if (round === 0) await nanoseconds(run, options.time / 5);
        rounds[k]?.push((await nanoseconds(run, options.time / ROUNDS)) / n);
        if (process.stdout.isTTY) bar.increment();
      }
    }
    for (const [k, elements] of there.entries()) {
      const [low = 0, median = 0, high = 0] = [0.25, 0.5, 0.75].map((share) => quantile(rounds[k] ?? [], share));
      rows.push({ loss, elements, low, median, high });
    }
  }
  bar.stop();
  return rows;
}

/** Seeded inputs, a million of them over and over. */
function repeated(kind: "residual" | "logit", n: number): { prediction: Float32Array; target: Float32Array } {
  const first = inputs(kind, Math.min(n, 2 ** 20));
  const over = (own: Float32Array): Float32Array => {
    const all = new Float32Array(n);
    for (let from = 0; from < n; from += own.length) all.set(own.subarray(0, n - from), from);
    return all;
  };
  return { prediction: over(first.prediction), target: over(first.target) };
}
