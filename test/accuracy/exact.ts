/** Exact results from mpmath, by exact.py, and how far others are from them. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Name, Settings } from "./cases.js";

/** The float64 nearest to an exact result, how many units of `scale` the result is above it, and the larger of the result and its largest term. */
export interface Exact {
  readonly nearest: number;
  readonly above: number;
  readonly scale: number;
}

/** Points of one loss or function, all its parameters given. */
export interface Question {
  readonly name: Name;
  readonly parameters: Settings;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Enough for Python's start not to count. */
const CHUNK = 4096;

const script = fileURLToPath(new URL("exact.py", import.meta.url));

/** For each question, for each of its points, the results: of a loss three, of a function one. */
export async function answers(
  python: string,
  questions: readonly Question[],
  processes: number,
  onDone: (points: number) => void,
): Promise<Exact[][][]> {
  const all: Exact[][][] = questions.map(() => []);
  const queue = chunksOf(questions);
  const work = async () => {
    for (const { question, from, points } of queue) {
      const results = await answer(python, { ...question, ...points });
      const own = all[questions.indexOf(question)];
      results.forEach((result, k) => {
        if (own) own[from + k] = result;
      });
      onDone(results.length);
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  return all;
}

function* chunksOf(questions: readonly Question[]) {
  for (const question of questions) {
    for (let from = 0; from < question.x.length; from += CHUNK) {
      const [x, y] = [question.x, question.y].map((numbers) => numbers.slice(from, from + CHUNK));
      yield { question, from, points: { x: x ?? [], y: y ?? [] } };
    }
  }
}

async function answer(python: string, { name, parameters, x, y }: Question): Promise<Exact[][]> {
  const points = Float64Array.from({ length: 2 * x.length }, (_, k) => (k % 2 ? y : x)[k >> 1] ?? Number.NaN);
  const child = spawn(python, [script, name, JSON.stringify(parameters)], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(new Uint8Array(points.buffer));
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  const parts: Uint8Array[] = [];
  for await (const part of child.stdout) parts.push(part);
  if ((await ended) !== 0) throw new Error(`${script} failed on ${name}`);
  const numbers = new Float64Array(Uint8Array.from(Buffer.concat(parts)).buffer);
  const each = numbers.length / x.length;
  return x.map((_, k) => triples(numbers.subarray(k * each, (k + 1) * each)));
}

function triples(numbers: Float64Array): Exact[] {
  return Array.from({ length: numbers.length / 3 }, (_, k) => {
    const [nearest = Number.NaN, above = Number.NaN, scale = Number.NaN] = numbers.subarray(3 * k, 3 * k + 3);
    return { nearest, above, scale };
  });
}

const view = new DataView(new ArrayBuffer(8));

/** The unit in the last place of a float64: of all subnormal ones 2^−1074. */
export function unit(x: number): number {
  view.setFloat64(0, x);
  return 2 ** (Math.max((view.getUint16(0) >> 4) & 0x7ff, 1) - 1075);
}

/** In units in the last place of the scale. Infinite is right only where it is the nearest; a finite number for it is as far off as it is. */
export function ulps(got: number, exact: Exact | undefined): number {
  if (exact === undefined || Number.isNaN(exact.nearest)) return Infinity;
  const { nearest, above, scale } = exact;
  if (!Number.isFinite(got)) return got === nearest ? 0 : Infinity;
  if (Number.isFinite(nearest)) return Math.abs((got - nearest) / unit(scale) - above);
  return Math.abs(got / 2 ** 971 - Math.sign(nearest) * 2 ** 53 - above);
}

/** Of a number that is to be worth more than a float32: the bits that are good beyond the 24 of that, by the scale, and below 2^−126 by that. */
export function bitsBeyond(got: number, exact: Exact | undefined): number {
  const error = ulps(got, exact);
  if (error === 0 || exact === undefined) return error === 0 ? Infinity : -Infinity;
  return -Math.log2((error * unit(exact.scale)) / Math.max(exact.scale, 2 ** -126)) - 24;
}
