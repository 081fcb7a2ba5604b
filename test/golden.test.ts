/** The golden values: points of mpmath, in units of the last place, and whole arrays of PyTorch. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Loss, Reduction } from "../src/index.js";
import { bound, results, ulps } from "./bits.js";
import type { FloatsConstructor, Losses, Settings } from "./implementations.js";
import { implementations, isName, lossesOf } from "./implementations.js";
import { fill } from "./random.js";

type Entry = number | "Infinity" | "-Infinity" | "NaN";
type Point = readonly [x: Entry, y: Entry, value: Entry, grad: Entry, hess: Entry, ...largestTerms: Entry[]];

interface Case {
  readonly loss: string;
  readonly type: "float32" | "float64";
  readonly parameters: Settings;
}

interface Exact extends Case {
  readonly points: readonly Point[];
}

interface Torch extends Case {
  readonly reduction: Reduction;
  readonly prediction: readonly number[];
  readonly target: readonly number[];
  readonly weights: readonly number[] | null;
  readonly value: number | readonly number[];
  readonly grad: readonly number[];
  readonly hess?: readonly number[];
}

const folder = new URL("golden/", import.meta.url);
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), "utf8"));

/** The files are written by golden/generate.py, with nothing else in them. */
function isCases<C extends Case>(cases: unknown): cases is readonly C[] {
  return Array.isArray(cases) && cases.length > 0;
}

function casesOf<C extends Case>(file: string): readonly C[] {
  const cases = read(file);
  if (!isCases<C>(cases)) throw new Error(`${file} holds no cases`);
  return cases;
}

const arrayOf = { float32: Float32Array, float64: Float64Array } satisfies Record<string, FloatsConstructor>;

function lossOf(losses: Losses, name: string): Loss {
  if (!isName(name)) throw new Error(`${name} is no loss`);
  return lossesOf(losses)[name];
}

const exact = readdirSync(folder)
  .filter((file) => file.startsWith("mpmath-"))
  .flatMap((file) => casesOf<Exact>(file))
  .map((golden) => ({ ...golden, settings: JSON.stringify(golden.parameters) }));

const show = (x: Entry): string => (Object.is(x, -0) ? "−0" : String(x));

describe.each(Object.entries(implementations))("%s on mpmath's points", (implementation, losses) => {
  it.each(exact)("$loss $type $settings", (golden) => {
    const { type, parameters, points } = golden;
    const Type = arrayOf[type];
    const column = (k: number) => fill(Type, points.length, (at) => Number(points[at]?.[k]));
    const options = { ...parameters, reduction: "none" } as const;
    const got = lossOf(losses, golden.loss).valueGradHess(column(0), column(1), options);
    // The reference works in float64 throughout: its float32 is only rounded.
    const most = implementation === "reference" && Type === Float32Array ? 1 : bound(golden.loss, Type);
    const off = points.flatMap((point, at) =>
      results.flatMap((name, k) => {
        const result = got[name][at] ?? NaN;
        const right = Number(point[2 + k]);
        const error = ulps(Type, result, right, Number(point[5 + k] ?? right));
        const where = `${golden.loss}.${name}(${show(point[0])}, ${point[1]}, ${golden.settings})`;
        return error > most ? [`${where} is ${result}, expected ${right}: ${error} ULP`] : [];
      }),
    );
    expect(off, `more than ${most} ULP off`).toEqual([]);
  });
});

const torch = casesOf<Torch>("torch.json").map((golden) => ({
  ...golden,
  title: `${golden.loss} ${golden.type} ${JSON.stringify(golden.parameters)} ${golden.weights ? "weighted " : ""}${golden.reduction}`,
}));

describe.each(Object.entries(implementations))("%s on PyTorch's arrays", (_, losses) => {
  it.each(torch)("$title", (golden) => {
    const Type = arrayOf[golden.type];
    const close = golden.type === "float32" ? 2e-6 : 1e-12;
    const got = lossOf(losses, golden.loss).valueGradHess(Type.from(golden.prediction), Type.from(golden.target), {
      ...golden.parameters,
      reduction: golden.reduction,
      weights: golden.weights ?? undefined,
    });
    expectNear(got.value, golden.value, close, "value");
    expectNear(got.grad, golden.grad, close, "grad");
    if (golden.hess) expectNear(got.hess, golden.hess, close, "hess");
  });
});

type Column = number | ArrayLike<number>;

function expectNear(got: Column, right: Column, close: number, what: string): void {
  const [gots, rights] = [got, right].map((column) => (typeof column === "number" ? [column] : Array.from(column)));
  expect(gots?.length, what).toBe(rights?.length);
  rights?.forEach((expected, k) => {
    const off = Math.abs((gots?.[k] ?? NaN) - expected);
    if (!(off <= close * Math.abs(expected))) expect.fail(`${what} is ${gots?.[k]}, expected ${expected} at ${k}`);
  });
}
