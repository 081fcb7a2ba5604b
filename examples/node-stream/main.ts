/** Scores a file of predictions and targets that may be larger than memory, with several losses in one pass. */
import { createReadStream, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command, Option } from "commander";
import { type Columns, csvPieces } from "./csv.js";
import { floatPieces } from "./floats.js";
import { Mistake } from "./mistake.js";
import { losses, type Score, score, type Task } from "./score.js";
import { task } from "./task.js";

interface Choice extends Columns {
  readonly loss?: readonly Task[];
  readonly type?: "f32" | "f64";
  readonly json?: true;
}

const program = new Command("npm run stream --")
  .description("Scores a file of predictions and targets of any size, in one pass and in constant memory.")
  .argument("<file>", "CSV, - for standard input; or, with <targets>, the predictions as raw little-endian floats")
  .argument("[targets]", "the targets, as many floats of the same type")
  .option("--loss <name...>", "losses, with parameters after a colon: huber:delta=2", task)
  .option("--prediction <column>", "the CSV column of predictions", "prediction")
  .option("--target <column>", "the CSV column of targets", "target")
  .addOption(
    new Option("--type <type>", "of raw floats; without it, what the first file's name ends in").choices([
      "f32",
      "f64",
    ]),
  )
  .option("--json", "print the losses and their totals as JSON; totals of several files can be added")
  .addHelpText(
    "after",
    `
The losses are ${[...losses.keys()].join(", ")};
without --loss, mse and mae.

A CSV file has a first line that names its columns, of which one is prediction and one
is target, or no such line and the two in this order. What separates them may be a
comma, a semicolon or a tab.

The exit code is 0, or 1 for a file that cannot be scored, or 2 for wrong arguments.

Examples:
  npm run stream -- scores.csv --loss mse huber:delta=0.5
  npm run stream -- scores.csv --prediction score --target label --loss bceWithLogits
  npm run stream -- prediction.f32 target.f32 --json
  zcat scores.csv.gz | npm run --silent stream -- -`,
  )
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .action(main);
await program.parseAsync();

async function main(file: string, targets: string | undefined, choice: Choice): Promise<void> {
  const tasks = choice.loss ?? ["mse", "mae"].reduce<readonly Task[]>((before, name) => task(name, before), []);
  const type = choice.type ?? file.match(/\.(f32|f64)$/)?.[1];
  if ((targets === undefined) !== (type === undefined)) {
    const why =
      targets === undefined
        ? "raw floats need a second file, of targets"
        : `--type must say whether ${file} has f32 or f64`;
    program.error(`error: ${why}; --help shows how`);
  }
  try {
    const bar = barOf(file, targets);
    const report = (bytes: number): void => bar?.increment(bytes);
    const pieces =
      targets === undefined
        ? csvPieces(counted(file === "-" ? process.stdin : createReadStream(file), report), choice)
        : floatPieces([file, targets], type === "f64" ? Float64Array : Float32Array, report);
    const scores = await score(pieces, tasks).finally(() => bar?.stop());
    if (scores.some(({ total }) => total.weight === 0)) throw new Mistake("there are no pairs");
    print(scores, choice);
  } catch (error) {
    if (!isOfTheFiles(error)) throw error;
    console.error(
      `error: ${error instanceof Mistake ? `${file === "-" ? "standard input" : file}: ` : ""}${error.message}`,
    );
    process.exitCode = 1;
  }
}

function isOfTheFiles(error: unknown): error is Error {
  return error instanceof Mistake || (error instanceof Error && "syscall" in error);
}

/** Of standard input nobody knows how much there is. */
function barOf(...files: readonly (string | undefined)[]): SingleBar | undefined {
  if (files[0] === "-") return undefined;
  const sizes = files.map((file) => (file === undefined ? 0 : statSync(file).size));
  const options = {
    format: "scoring {bar} {value} of {total} MB, {eta_formatted} left",
    formatValue: (value: number) => (value / 1e6).toFixed(1),
    noTTYOutput: true,
    stream: process.stderr,
  };
  const bar = new SingleBar(options, Presets.shades_classic);
  bar.start(
    sizes.reduce((sum, size) => sum + size, 0),
    0,
  );
  return bar;
}

function counted(source: Readable, report: (bytes: number) => void): Readable {
  return source.on("data", (chunk: Buffer) => report(chunk.length));
}

function print(scores: readonly Score[], { json }: Choice): void {
  const [first] = scores;
  if (json) {
    const found = Object.fromEntries(scores.map(({ title, ...rest }) => [title, rest]));
    console.log(JSON.stringify(found, null, 2));
    return;
  }
  const table = new Table({
    head: ["loss", `of ${first?.total.weight.toLocaleString("en")} pairs`],
    colAligns: ["left", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const { title, loss } of scores) table.push([title, String(loss)]);
  console.log(table.toString());
}
