/** How things are timed, and on what. */
import { cpus } from "node:os";
import { InvalidArgumentError } from "commander";
import { Bench } from "tinybench";

export const machine = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
};

/** Nanoseconds a call: medians of short runs that take turns, so that a disturbance meets all of them. */
export async function medians<Who extends string>(
  runs: Readonly<Record<Who, () => unknown>>,
  milliseconds: number,
): Promise<Record<Who, number>> {
  const names = Object.keys(runs) as Who[];
  const turns = new Map(names.map((name): [Who, number[]] => [name, []]));
  for (let turn = 0; turn < 3; turn++) {
    const bench = new Bench({
      time: milliseconds / 3,
      iterations: 1,
      warmup: turn === 0,
      warmupTime: milliseconds / 5,
      warmupIterations: 1,
    });
    for (const name of names) bench.add(name, runs[name]);
    await bench.run();
    for (const name of names) turns.get(name)?.push(medianOf(bench, name));
  }
  return Object.fromEntries(names.map((name) => [name, middle(turns.get(name) ?? [])])) as Record<Who, number>;
}

function medianOf(bench: Bench, who: string): number {
  const result = bench.getTask(who)?.result;
  if (result === undefined || !("latency" in result)) throw new Error(`${who} was not measured`);
  return result.latency.p50 * 1e6;
}

function middle(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** A command line's time. */
export function milliseconds(text: string): number {
  const time = Number(text);
  if (!(time > 0)) throw new InvalidArgumentError("a time is a number of milliseconds greater than 0");
  return time;
}
