/**
 * Every loss × what is asked × size, wasm against the reference and a naive loop, in one process on seeded arrays.
 * Ratios between the columns of one run are what counts; absolute figures move from machine to machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command, InvalidArgumentError } from "commander";
import * as kernels from "simdloss";
import * as reference from "simdloss/reference";
import { Bench } from "tinybench";
import { type Inputs, inputs } from "./inputs.js";
import { naive } from "./naive.js";

const { mergeTotals: _1, ...wasm } = kernels;
const { mergeTotals: _2, ...plain } = reference;
type Name = keyof typeof wasm;
const names = Object.keys(wasm).filter((name): name is Name => name in wasm);

const asks = ["value", "valueAndGrad", "valueGradHess"] as const;
type Ask = (typeof asks)[number];

interface Row {
  readonly loss: Name;
  readonly ask: Ask;
  readonly n: number;
  /** Median nanoseconds a call, the caller's buffers reused in all three. */
  readonly wasm: number;
  readonly reference: number;
  readonly naive: number;
}

const kindOf = (name: Name): "residual" | "logit" | "probability" =>
  name === "bce" || name === "focal" ? "probability" : name.endsWith("WithLogits") ? "logit" : "residual";

/** The three contestants on the same arrays. */
function contestants(
  name: Name,
  ask: Ask,
  { prediction, target }: Inputs,
): Record<"wasm" | "reference" | "naive", () => unknown> {
  const grad = new Float32Array(prediction.length);
  const hess = new Float32Array(prediction.length);
  const out = { grad, hess };
  const calls = {
    value: (loss: kernels.Loss) => () => loss(prediction, target),
    valueAndGrad: (loss: kernels.Loss) => () => loss.valueAndGrad(prediction, target, { out }),
    valueGradHess: (loss: kernels.Loss) => () => loss.valueGradHess(prediction, target, { out }),
  };
  const loop = naive[name];
  if (loop === undefined) throw new Error(`bench/naive.ts has no ${name}`);
  const loops = {
    value: () => loop.value(prediction, target),
    valueAndGrad: () => loop.valueAndGrad(prediction, target, grad),
    valueGradHess: () => loop.valueGradHess(prediction, target, grad, hess),
  };
  return { wasm: calls[ask](wasm[name]), reference: calls[ask](plain[name]), naive: loops[ask] };
}

/** Medians of short runs that take turns, so that a disturbance meets all three. */
async function measure(name: Name, ask: Ask, n: number, milliseconds: number): Promise<Row> {
  const runs = contestants(name, ask, inputs(kindOf(name), n));
  const medians = { wasm: [] as number[], reference: [] as number[], naive: [] as number[] };
  for (let turn = 0; turn < 3; turn++) {
    const bench = new Bench({
      time: milliseconds / 3,
      iterations: 3,
      warmupTime: milliseconds / 10,
      warmupIterations: 2,
    });
    for (const [who, run] of Object.entries(runs)) bench.add(who, run);
    await bench.run();
    for (const who of ["wasm", "reference", "naive"] as const) medians[who].push(medianOf(bench, who));
  }
  return {
    loss: name,
    ask,
    n,
    wasm: middle(medians.wasm),
    reference: middle(medians.reference),
    naive: middle(medians.naive),
  };
}

function medianOf(bench: Bench, who: string): number {
  const result = bench.getTask(who)?.result;
  if (result === undefined || !("latency" in result)) throw new Error(`${who} was not measured`);
  return result.latency.p50 * 1e6;
}

function middle(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function print(rows: readonly Row[]): void {
  const table = new Table({
    head: ["loss", "asked", "elements", "wasm ns", "Gel/s", "reference ns", "naive ns", "× reference", "× naive"],
    colAligns: ["left", "left", "right", "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const round = (x: number): string => (x < 100 ? x.toFixed(1) : Math.round(x).toLocaleString("en"));
  for (const row of rows) {
    const ratio = (other: number): string => (other / row.wasm).toFixed(1);
    const speed = (row.n / row.wasm).toFixed(2);
    const times = [row.reference, row.naive].map(round);
    table.push([row.loss, row.ask, row.n, round(row.wasm), speed, ...times, ratio(row.reference), ratio(row.naive)]);
  }
  console.log(table.toString());
}

function sizes(text: string): number[] {
  const list = text.split(",").map(Number);
  if (list.some((n) => !Number.isInteger(n) || n < 1))
    throw new InvalidArgumentError("sizes are whole numbers like 16,1024");
  return list;
}

function milliseconds(text: string): number {
  const time = Number(text);
  if (!(time > 0)) throw new InvalidArgumentError("a time is a number of milliseconds greater than 0");
  return time;
}

function chosen(name: string, before: Name[] = []): Name[] {
  const found = names.find((known) => known === name);
  if (found === undefined) throw new InvalidArgumentError(`the losses are ${names.join(", ")}`);
  return [...before, found];
}

const program = new Command("bench")
  .description(
    "Times every loss: SIMD wasm against the plain reference and a naive loop, Float32Array, buffers reused.",
  )
  .option("--loss <name>", "only this loss; may be repeated", chosen)
  .option("--sizes <list>", "numbers of elements", sizes, [16, 1024, 65536, 4194304])
  .option("--time <ms>", "how long to measure each", milliseconds, 60)
  .option("--json <path>", "where the rows go as JSON", "out/bench.json")
  .parse();
const options = program.opts<{ loss?: Name[]; sizes: number[]; time: number; json: string }>();

const jobs = (options.loss ?? names).flatMap((name) =>
  asks.flatMap((ask) => options.sizes.map((n) => ({ name, ask, n }))),
);
const bar = new SingleBar({
  format: "{bar} {value}/{total}  {name}.{ask} {n}  {eta_formatted} left",
  stopOnComplete: true,
});
const rows: Row[] = [];
if (process.stdout.isTTY) bar.start(jobs.length, 0, jobs[0]);
for (const job of jobs) {
  rows.push(await measure(job.name, job.ask, job.n, options.time));
  if (process.stdout.isTTY) bar.increment(1, job);
}
bar.stop();
print(rows);
const machine = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
};
mkdirSync(dirname(options.json), { recursive: true });
writeFileSync(options.json, `${JSON.stringify({ ...machine, rows }, undefined, 1)}\n`);
console.log(`${machine.date}, Node ${machine.node}, ${machine.cpu}, one thread; rows in ${options.json}`);
