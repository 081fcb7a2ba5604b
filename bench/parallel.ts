/** One thread against several, value and gradient at several sizes, in shared arrays and in plain ones. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import Table from "cli-table3";
import { Command, InvalidArgumentError, Option } from "commander";
import { JOB, type Job } from "../src/engine.js";
import * as sources from "../src/index.js";
import { asPool, Threads } from "../src/parallel/pool.js";
import type { Pool } from "../src/parallel/types.js";
import { isWorthwhile } from "../src/parallel/worthwhile.js";
import type { Loss } from "../src/types.js";
import { sizes } from "./arguments.js";
import { inputs, labels, logits } from "./inputs.js";
import { machine, medians, milliseconds } from "./timing.js";

const kernels = { ...sources };

const elements = {
  mse: "residual",
  huber: "residual",
  charbonnier: "residual",
  logCosh: "residual",
  bce: "probability",
  bceWithLogits: "logit",
  focal: "probability",
} as const;
/** Of rows of so many classes. */
const rows = {
  "softmaxCrossEntropy/10": 10,
  "softmaxCrossEntropy/1000": 1000,
  "softmaxCrossEntropy/50257": 50257,
} as const;

type ElementName = keyof typeof elements;
type RowName = keyof typeof rows;
const names = [...Object.keys(elements), ...Object.keys(rows)];
const isRows = (name: string): name is RowName => name in rows;
const isElements = (name: string): name is ElementName => name in elements;

const places = ["shared", "plain"] as const;
type Place = (typeof places)[number];

interface Row {
  readonly loss: string;
  readonly arrays: Place;
  readonly elements: number;
  /** Median nanoseconds a call. */
  readonly one: number;
  readonly pool: number;
  /** Whether a pool would divide it. */
  readonly divided: boolean;
}

function float32(place: Place, content: Float32Array): Float32Array {
  if (place === "plain") return content.slice();
  const array = new Float32Array(new SharedArrayBuffer(content.byteLength));
  array.set(content);
  return array;
}

function int32(place: Place, content: Int32Array): Int32Array {
  if (place === "plain") return content.slice();
  const array = new Int32Array(new SharedArrayBuffer(content.byteLength));
  array.set(content);
  return array;
}

interface Contest {
  readonly one: () => { value: number };
  readonly pool: () => Promise<{ value: number }>;
  readonly job: Job;
}

function contest(name: string, place: Place, n: number, pool: Pool): Contest {
  if (isRows(name)) {
    const classes = rows[name];
    const shape = [Math.max(1, Math.round(n / classes)), classes] as const;
    const x = float32(place, logits(shape, 1));
    const y = int32(place, labels(shape, 2));
    const options = { classes, out: { grad: float32(place, x) } };
    const loss = kernels.softmaxCrossEntropy;
    return {
      one: () => loss.valueAndGrad(x, y, options),
      pool: () => pool.valueAndGrad(loss, x, y, options),
      job: jobOf(loss, x, y),
    };
  }
  if (!isElements(name)) throw new Error(`${name}: no such loss`);
  const { prediction, target } = inputs(elements[name], n);
  const [x, y] = [float32(place, prediction), float32(place, target)];
  const options = { out: { grad: float32(place, prediction) } };
  const loss: Loss = kernels[name];
  return {
    one: () => loss.valueAndGrad(x, y, options),
    pool: () => pool.valueAndGrad(loss, x, y, options),
    job: jobOf(loss, x, y),
  };
}

function jobOf(loss: object, x: Float32Array, y: Float32Array | Int32Array): Job {
  return Reflect.get(loss, JOB)(x, y);
}

function threads(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 2) throw new InvalidArgumentError("a number of threads is at least 2");
  return count;
}

const program = new Command("npm run bench:parallel --")
  .description(
    "Times value and gradient, Float32Array, buffers reused: one thread against a pool that divides every call.",
  )
  .addOption(new Option("--loss <name...>", "these losses only").choices(names))
  .option("--sizes <list>", "numbers of elements", sizes, [32768, 131072, 524288, 1048576, 4194304])
  .option("--threads <n>", "of the pool", threads, 2)
  .addOption(new Option("--arrays <place>", "these only").choices(places))
  .option("--time <ms>", "how long to measure each", milliseconds, 150)
  .option("--json <path>", "where the rows go as JSON", "out/parallel.json")
  .addHelpText("after", "\nExample:\n  npm run bench:parallel -- --loss bce huber --sizes 4194304 --arrays shared")
  .parse();
const options = program.opts<{
  loss?: string[];
  sizes: number[];
  threads: number;
  arrays?: Place;
  time: number;
  json: string;
}>();

const team = new Threads(options.threads, undefined, () => true);
await team.started();
const pool = asPool(team);
const found: Row[] = [];
for (const loss of options.loss ?? names) {
  for (const arrays of options.arrays === undefined ? places : [options.arrays]) {
    for (const n of options.sizes) {
      const { one, pool: many, job } = contest(loss, arrays, n, pool);
      const [{ value }, divided] = [one(), await many()];
      if (value !== divided.value) throw new Error(`${loss}: one thread gives ${value}, the pool ${divided.value}`);
      const times = await medians({ one, pool: many }, options.time);
      found.push({ loss, arrays, elements: job.call.prediction.length, ...times, divided: isWorthwhile(job) });
      if (process.stderr.isTTY) process.stderr.write(".");
    }
  }
}
await pool.close();

const table = new Table({
  head: ["loss", "arrays", "elements", "one µs", `${options.threads} threads µs`, "× one", "divided"],
  colAligns: ["left", "left", "right", "right", "right", "right", "left"],
  style: { head: [], border: [], compact: true },
});
for (const row of found) {
  const micro = (ns: number): string => (ns / 1000).toFixed(0);
  const ratio = (row.one / row.pool).toFixed(2);
  table.push([row.loss, row.arrays, row.elements, micro(row.one), micro(row.pool), ratio, row.divided ? "yes" : "no"]);
}
console.log(table.toString());
mkdirSync(dirname(options.json), { recursive: true });
writeFileSync(options.json, `${JSON.stringify({ ...machine, threads: options.threads, rows: found }, undefined, 1)}\n`);
console.log(`${machine.date}, Node ${machine.node}, ${machine.cpu}; rows in ${options.json}`);
