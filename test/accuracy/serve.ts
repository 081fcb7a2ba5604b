/** What a process of `every.ts` does: it scans the chunks that it is sent. */
import type { Name } from "./cases.js";
import { type Chunk, type Losses, newVerdicts, Scanner, type Verdict } from "./scan.js";

export interface Task {
  readonly name: Name;
  readonly chunk: Chunk;
}

export interface Done {
  readonly chunk: Chunk;
  readonly verdicts: readonly Verdict[];
}

export function serve(losses: Partial<Losses>): void {
  const scanner = new Scanner(losses);
  process.on("message", ({ name, chunk }: Task) => {
    const verdicts = newVerdicts(name);
    scanner.scan(name, chunk, verdicts);
    const done: Done = { chunk, verdicts };
    process.send?.(done);
  });
}
