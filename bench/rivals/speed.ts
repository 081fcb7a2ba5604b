/**
 * Value and gradient by simdloss and its rivals, in one run: every loss, seeded arrays, results compared before they are timed, in turns.
 * Ratios between the columns of one run are what counts; absolute figures move from machine to machine.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";
import { print } from "../../test/accuracy/table.js";
import { shapes, sizes } from "../arguments.js";
import { elementNames as elementLosses, rowNames as rowLosses } from "../contestants.js";
import type { Shape } from "../inputs.js";
import { naive } from "../naive.js";
import { variants } from "../native/native.js";
import { careful } from "../rows.js";
import { machine, milliseconds } from "../timing.js";
import { native } from "./c.js";
import { installPackages } from "./installed/install.js";
import { inArena, inPool, loop, staged } from "./ours.js";
import { pytorch } from "./pytorchSpeed.js";
import { about, disagreements, type Report, type Row, ratios, sizesOf, speeds } from "./report.js";
import {
  type Contestant,
  type Deviation,
  deviation,
  elementTask,
  GRADIENT,
  quantile,
  type Runner,
  rowTask,
  same,
  type Task,
} from "./task.js";
import { tfjs } from "./tfjsSpeed.js";

/** In the order of the loops. */
const inOrder = <Name extends string>(names: readonly Name[], loops: object): Name[] =>
  Object.keys(loops).flatMap((name) => names.filter((own) => own === name));
const elementNames = inOrder(elementLosses, naive);
const rowNames = inOrder(rowLosses, careful);

const rivals = ["loop", "tfjs-wasm", "tfjs-cpu", "jax-js", "pytorch", "c"] as const;
type Rival = (typeof rivals)[number];

const program = new Command("npm run bench:rivals --")
  .description(
    "Times value and gradient of every loss, Float32Array, by simdloss (its arrays anywhere, in an Arena, in a pool of threads) against plain loops, " +
      "TensorFlow.js, jax-js, PyTorch and C, in one thread each, all in turns, and compares their results. With only --sizes or only --shapes, " +
      "the losses that it is for.",
  )
  .addOption(new Option("--loss <name...>", "these losses only").choices([...elementNames, ...rowNames]))
  .option("--sizes <list>", "numbers of elements, for element-wise losses (default: 65536,1048576,4194304)", sizes)
  .option("--shapes <list>", "rows and classes, for losses of rows (default: 4096x10,512x1000,64x50257)", shapes)
  .addOption(new Option("--rivals <name...>", "these rivals only").choices(rivals).default([...rivals], "all"))
  .option("--time <ms>", "how long to measure each", milliseconds, 300)
  .option("--json <path>", "where the figures go", "out/rivals.json")
  .option("--svg <path>", "where the chart goes", "out/rivals.svg")
  .option("--docs", "measure nothing: write docs/speed.md and its charts from --json and --scale")
  .option("--scale <path>", "where npm run bench:scale left its figures", "out/scale.json")
  .addHelpText(
    "after",
    "\nPyTorch needs Debian's python3-torch, or PYTHON=path of a Python that has it; C needs a compiler, cc or CC=name." +
      "\n\nExample:\n  npm run bench:rivals -- --loss huber bceWithLogits --sizes 1048576 --rivals pytorch c",
  )
  .parse();
const options = program.opts<{
  loss?: string[];
  sizes?: number[];
  shapes?: Shape[];
  rivals: Rival[];
  time: number;
  json: string;
  svg: string;
  docs?: true;
  scale: string;
}>();

/** Turns of each, after some that do not count: engines, also those of a pool's workers, compile what they find to be in use. */
const ROUNDS = 9;
const WARM_UP = 3;
/** Who has taken this many times the time, takes part in no more than three turns. */
const SLOW = 5;

if (options.docs) {
  installPackages();
  const { writeDocs } = await import("./docs.js");
  await writeDocs(options.json, options.scale);
} else await run();

async function run(): Promise<void> {
  installPackages();
  const tasks = [...readyTasks()];
  const missing: string[] = [];
  const contestants = await opponents(tasks, missing);
  const bar = new SingleBar({ format: "{bar} {value}/{total}  {task}  {eta_formatted} left", stopOnComplete: true });
  if (process.stdout.isTTY) bar.start(tasks.length, 0, { task: "" });
  const rows: Row[] = [];
  for (const { name, ready } of tasks) {
    if (process.stdout.isTTY) bar.update({ task: name });
    rows.push(...(await measure(ready(), contestants, missing)));
    if (process.stdout.isTTY) bar.increment();
  }
  bar.stop();
  for (const contestant of contestants) await contestant.close();

  const report: Report = {
    ...machine,
    contestants: contestants.map(({ name, version }) => ({ name, version })),
    missing,
    rows,
  };
  for (const size of sizesOf(report)) {
    for (const { head, rows } of [speeds(report, size), ratios(report, size)]) print(head, head.slice(0, 1), rows);
  }
  console.log(
    "Million elements a second ± half of the quartiles' distance; how many times as fast as each rival: simdloss / in an Arena, and 2 threads as one.",
  );
  for (const line of [...disagreements(report), ...missing]) console.log(line);
  console.log(about(report));
  write(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
  const { rivalChart } = await import("./chart.js");
  write(options.svg, await rivalChart(report));
  console.log(`Figures in ${options.json}, a chart in ${options.svg}`);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

interface ReadyTask {
  readonly name: string;
  readonly elements: number;
  readonly length: number;
  readonly ready: () => Task;
}

function* readyTasks(): Generator<ReadyTask> {
  const all = options.loss !== undefined || (options.sizes === undefined && options.shapes === undefined);
  const wanted = (name: string): boolean => options.loss?.includes(name) ?? true;
  for (const n of options.sizes ?? (all ? sizes("65536,1048576,4194304") : [])) {
    for (const loss of elementNames.filter(wanted))
      yield { name: `${loss} ${n}`, elements: n, length: 1, ready: () => elementTask(loss, n) };
  }
  for (const shape of options.shapes ?? (all ? shapes("4096x10,512x1000,64x50257") : [])) {
    const [rows, length] = shape;
    for (const loss of rowNames.filter(wanted))
      yield { name: `${loss} ${rows}×${length}`, elements: rows * length, length, ready: () => rowTask(loss, shape) };
  }
}

/** Ours first. */
async function opponents(tasks: readonly ReadyTask[], missing: string[]): Promise<Contestant[]> {
  const elements = Math.max(...tasks.map((task) => task.elements));
  const length = Math.max(...tasks.map((task) => task.length));
  const asked = (rival: Rival) => options.rivals.includes(rival);
  const found: (Contestant | undefined)[] = [staged, inArena(elements, length), await inPool()];
  if (asked("loop")) found.push(loop);
  if (asked("tfjs-wasm")) found.push(tfjs("wasm"));
  if (asked("tfjs-cpu")) found.push(tfjs("cpu"));
  if (asked("jax-js")) found.push(await (await import("./installed/jax.js")).jax());
  if (asked("pytorch")) {
    const there = pytorch();
    if (there === undefined)
      missing.push("PyTorch is left out, it needs: apt-get install python3-torch, or PYTHON=path");
    found.push(there);
  }
  if (asked("c")) {
    for (const variant of variants) {
      try {
        found.push(native(variant));
      } catch (error) {
        missing.push(`C ${variant} is left out: ${messageOf(error)}`);
      }
    }
  }
  return found.filter((contestant) => contestant !== undefined);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Entry {
  readonly contestant: Contestant;
  readonly runner: Runner;
  readonly deviation: Deviation;
  readonly rounds: number[];
  /** Milliseconds that it has taken. */
  spent: number;
}

/** What fails is left out, and said to be. */
async function measure(task: Task, contestants: readonly Contestant[], missing: string[]): Promise<Row[]> {
  const { loss, size, prediction } = task;
  const entries: Entry[] = [];
  for (const contestant of contestants) {
    try {
      const runner = await contestant.start(task);
      const ours = entries[0]?.runner ?? runner;
      entries.push({ contestant, runner, deviation: deviation(task, ours, runner), rounds: [], spent: 0 });
    } catch (error) {
      missing.push(`${contestant.name} fails at ${loss} of ${size}: ${messageOf(error)}`);
    }
  }
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const entry of entries) {
      const slow = entry.spent > SLOW * options.time;
      if (slow && (round < 0 || entry.rounds.length >= 3)) continue;
      const start = performance.now();
      const time = await entry.runner.time(options.time / ROUNDS);
      entry.spent += performance.now() - start;
      if (round >= 0) entry.rounds.push(time);
    }
  }
  return entries.map(({ contestant, runner, deviation, rounds }) => {
    runner.close();
    const [low, median, high] = [quantile(rounds, 0.25), quantile(rounds, 0.5), quantile(rounds, 0.75)];
    const agrees = isNear(task, deviation, contestant);
    if (!agrees && contestant.tolerance === same)
      throw new Error(`${contestant.name}: ${loss} of ${size} has other bits`);
    return {
      loss,
      size,
      elements: prediction.length,
      contestant: contestant.name,
      nanoseconds: { low, median, high },
      deviation,
      agrees,
    };
  });
}

function isNear({ loss, prediction }: Task, { value, grad }: Deviation, { tolerance }: Contestant): boolean {
  const allowed = tolerance(prediction.length);
  // rmse's gradient is divided by its value.
  return value <= allowed && grad <= (allowed === 0 ? 0 : GRADIENT) + (loss === "rmse" ? allowed : 0);
}
