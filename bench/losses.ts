/**
 * Every loss × size × what is asked, wasm against the reference and a loop, in one process on seeded arrays.
 * Ratios between the columns of one run are what counts; absolute figures move from machine to machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Ask, asks, type Contestants, elementNames, elementwise, rowNames, rowwise } from "./contestants.js";
import type { Shape } from "./inputs.js";
import { machine, medians, milliseconds } from "./timing.js";

interface Row {
  readonly loss: string;
  readonly ask: Ask;
  /** Elements, or rows×classes. */
  readonly size: string;
  readonly elements: number;
  /** Median nanoseconds a call. */
  readonly wasm: number;
  readonly reference: number;
  readonly loop: number;
}

async function measure(
  { wasm, reference, loop }: Contestants,
  ask: Ask,
  milliseconds: number,
): Promise<Pick<Row, "wasm" | "reference" | "loop">> {
  return medians({ wasm: wasm[ask], reference: reference[ask], loop: loop[ask] }, milliseconds);
}

/** Times are of one task only if all three give its value. */
function compare(name: string, { wasm, reference, loop }: Contestants): void {
  const values = [wasm, reference, loop].map((asked) => asked.value());
  const [value = Number.NaN] = values;
  if (values.every((other) => Math.abs(other - value) <= 1e-5 * Math.abs(value))) return;
  throw new Error(`${name}: wasm, reference and loop give ${values.join(", ")}`);
}

function print(rows: readonly Row[], size: string, loop: string): void {
  const table = new Table({
    head: ["loss", "asked", size, "wasm ns", "Gel/s", "reference ns", `${loop} ns`, "× reference", `× ${loop}`],
    colAligns: ["left", "left", "right", "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const round = (x: number): string => (x < 100 ? x.toFixed(1) : Math.round(x).toLocaleString("en"));
  for (const row of rows) {
    const ratio = (other: number): string => (other / row.wasm).toFixed(1);
    const speed = (row.elements / row.wasm).toFixed(2);
    const times = [row.reference, row.loop].map(round);
    table.push([row.loss, row.ask, row.size, round(row.wasm), speed, ...times, ratio(row.reference), ratio(row.loop)]);
  }
  console.log(table.toString());
}

function sizes(text: string): number[] {
  const list = text.split(",").map(Number);
  if (list.some((n) => !Number.isInteger(n) || n < 1))
    throw new InvalidArgumentError("sizes are whole numbers like 16,1024");
  return list;
}

function shapes(text: string): Shape[] {
  return text.split(",").map((shape) => {
    const [, rows, classes] = /^([1-9]\d*)[x×]([1-9]\d*)$/.exec(shape) ?? [];
    if (rows === undefined) throw new InvalidArgumentError("shapes are rows and classes like 4096x10,512x1000");
    return [Number(rows), Number(classes)];
  });
}

const program = new Command("npm run bench --")
  .description(
    "Times every loss, Float32Array, buffers reused: SIMD wasm against the plain reference and against a loop, a naive one for " +
      "element-wise losses, a careful one for losses of rows. With only --sizes or only --shapes, the losses that it is for.",
  )
  .addOption(new Option("--loss <name...>", "these losses only").choices([...elementNames, ...rowNames]))
  .option("--sizes <list>", "numbers of elements, for element-wise losses (default: 16,1024,65536,4194304)", sizes)
  .option("--shapes <list>", "rows and classes, for losses of rows (default: 4096x10,512x1000,64x50257)", shapes)
  .option("--time <ms>", "how long to measure each", milliseconds, 60)
  .option("--json <path>", "where the rows go as JSON", "out/bench.json")
  .addHelpText("after", "\nExample:\n  npm run bench -- --loss softmaxCrossEntropy --shapes 256x1000 --time 200")
  .parse();
const options = program.opts<{ loss?: string[]; sizes?: number[]; shapes?: Shape[]; time: number; json: string }>();

const all = options.loss !== undefined || (options.sizes === undefined && options.shapes === undefined);
const elementSizes = options.sizes ?? (all ? [16, 1024, 65536, 4194304] : []);
const rowShapes: readonly Shape[] =
  options.shapes ??
  (all
    ? [
        [4096, 10],
        [512, 1000],
        [64, 50257],
      ]
    : []);
const wanted = (name: string): boolean => options.loss?.includes(name) ?? true;

const elementJobs = elementNames
  .filter(wanted)
  .flatMap((loss) =>
    elementSizes.map((n) => ({ loss, size: String(n), elements: n, ready: () => elementwise(loss, n) })),
  );
const rowJobs = rowNames.filter(wanted).flatMap((loss) =>
  rowShapes.map((shape) => {
    const [rows, classes] = shape;
    return { loss, size: `${rows}×${classes}`, elements: rows * classes, ready: () => rowwise(loss, shape) };
  }),
);

const bar = new SingleBar({
  format: "{bar} {value}/{total}  {loss}.{ask} {size}  {eta_formatted} left",
  stopOnComplete: true,
});
const count = asks.length * (elementJobs.length + rowJobs.length);
if (process.stdout.isTTY) bar.start(count, 0, { loss: "", ask: "", size: "" });

async function timed(jobs: typeof elementJobs | typeof rowJobs): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { loss, size, elements, ready } of jobs) {
    const contestants = ready();
    compare(loss, contestants);
    for (const ask of asks) {
      if (process.stdout.isTTY) bar.update({ loss, ask, size });
      rows.push({ loss, ask, size, elements, ...(await measure(contestants, ask, options.time)) });
      if (process.stdout.isTTY) bar.increment();
    }
  }
  return rows;
}

const elementRows = await timed(elementJobs);
const rowRows = await timed(rowJobs);
bar.stop();
if (elementRows.length > 0) print(elementRows, "elements", "naive");
if (rowRows.length > 0) print(rowRows, "rows×classes", "careful");
mkdirSync(dirname(options.json), { recursive: true });
writeFileSync(options.json, `${JSON.stringify({ ...machine, rows: [...elementRows, ...rowRows] }, undefined, 1)}\n`);
console.log(`${machine.date}, Node ${machine.node}, ${machine.cpu}, one thread; rows in ${options.json}`);
