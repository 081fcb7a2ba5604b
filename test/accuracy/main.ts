/** What `npm run accuracy` measures, and how it ends: with 1 where something is beyond its bound. */
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import * as simdloss from "simdloss";
import { compareRivals } from "../../bench/rivals/accuracy.js";
import { isLoss, type Name, names } from "./cases.js";
import { writeDocs } from "./docs.js";
import { proveDoubles } from "./double.js";
import { proveEvery } from "./every.js";
import { proveOracle } from "./oracle.js";
import { findPython } from "./python.js";
import { proveRows } from "./rows.js";
import { proveSums } from "./sums.js";

function positive(text: string): number {
  const step = Number(text);
  if (!Number.isInteger(step) || step < 1) throw new InvalidArgumentError("it is a whole number of at least 1");
  return step;
}

const program = new Command("npm run accuracy --")
  .description(
    "Compares the losses with exact results and prints the largest errors. Without a flag that names another part: value, gradient and " +
      "second derivative of the element-wise losses, and the vector functions that they are made of, for every float32 there is, in units " +
      "in the last place. Ends with 1 where an error is beyond its bound.",
  )
  .addOption(new Option("--loss <name...>", "these losses or functions only").choices(names))
  .option("--stride <n>", "every n-th float32 only; an odd number meets every exponent and sign", positive)
  .option("--threads <n>", "processes that work side by side", positive, availableParallelism())
  .option("--out <folder>", "where the figures go as JSON, one file a loss", "out/accuracy")
  .option("--double", "the losses of Float64Arrays, at points of every kind, against mpmath")
  .option("--oracle", "what float32s are compared with, against mpmath")
  .option("--rows", "the losses of rows, by kind of row, against exact ones")
  .option("--sums", "sums and means of ten million losses, against exact sums")
  .option("--docs", "write docs/accuracy.md from the figures in --out, and measure nothing")
  .option("--rivals", "PyTorch and TensorFlow.js beside simdloss, every 1009th float32 or as --stride says")
  .addHelpText("after", "\nExample:\n  npm run accuracy -- --loss logCosh --stride 101")
  .parse();

interface Options {
  readonly loss?: Name[];
  readonly stride?: number;
  readonly threads: number;
  readonly out: string;
  readonly double?: true;
  readonly oracle?: true;
  readonly rows?: true;
  readonly sums?: true;
  readonly docs?: true;
  readonly rivals?: true;
}
const { loss: chosen = names, ...options } = program.opts<Options>();

function withPython(): Options & { readonly python: string } {
  const python = findPython("mpmath");
  return {
    ...options,
    python:
      python ?? program.error("error: needs Python 3 with mpmath: apt-get install python3-mpmath, or PYTHON=path"),
  };
}

/** Of the parts that are asked for, whether all are within their bounds. */
async function prove(): Promise<boolean> {
  if (options.docs) {
    writeDocs(options.out);
    return true;
  }
  if (!options.double && !options.oracle && !options.rows && !options.sums && !options.rivals)
    return proveEvery(chosen, { ...options, stride: options.stride ?? 1 });
  if (!options.rivals && options.stride !== undefined) program.error("error: --stride is for float32s and --rivals");
  if ((options.rows || options.sums) && program.getOptionValueSource("loss") !== undefined)
    program.error("error: --rows and --sums measure all losses, without --loss");
  const ofLosses = options.double ? "--double" : options.rivals && "--rivals";
  if (ofLosses && !chosen.some(isLoss)) program.error(`error: ${ofLosses} measures losses, not functions`);
  const doubles = !options.double || (await proveDoubles(simdloss, chosen.filter(isLoss), withPython()));
  const oracle = !options.oracle || (await proveOracle(chosen, withPython()));
  const rows = !options.rows || (await proveRows(simdloss, options));
  const sums = !options.sums || (await proveSums(simdloss, options));
  if (options.rivals) await compareRivals(chosen.filter(isLoss), options);
  return doubles && oracle && rows && sums;
}

if (!(await prove())) process.exitCode = 1;
