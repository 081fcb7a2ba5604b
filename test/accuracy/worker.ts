/** Scans the chunks that it is sent. */
import * as simdloss from "simdloss";
import type { Name } from "./cases.js";
import { type Chunk, newVerdicts, Scanner, type Verdict } from "./scan.js";

export interface Task {
  readonly name: Name;
  readonly chunk: Chunk;
}

export interface Done {
  readonly chunk: Chunk;
  readonly verdicts: readonly Verdict[];
}

const scanner = new Scanner(simdloss);
process.on("message", ({ name, chunk }: Task) => {
  const verdicts = newVerdicts(name);
  scanner.scan(name, chunk, verdicts);
  const done: Done = { chunk, verdicts };
  process.send?.(done);
});
