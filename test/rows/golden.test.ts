/** The golden values of the row losses: rows of mpmath, by relative error, and whole batches of PyTorch. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Gaussian, Reduction } from "../../src/index.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import type { RowName, RowOptions, RowResults } from "./implementations.js";
import { isRowName, rowImplementations, rowSpecs, rowsOf } from "./implementations.js";

type Entry = number | "Infinity" | "-Infinity" | "NaN";
type Entries = readonly Entry[];
type Derivatives = Entries | Gaussian<Entries>;

interface Case {
  readonly loss: string;
  readonly type: "float32" | "float64";
  readonly options: RowOptions;
  readonly classes: number;
}

interface Row {
  readonly x: Entries;
  readonly y?: Entries;
  readonly label?: number;
  readonly value: Entry;
  readonly grad: Derivatives;
  readonly hess: Derivatives;
  /** What errors are measured by where it is larger than the result. */
  readonly scale?: { readonly value?: Entry; readonly grad?: Derivatives };
}

interface Exact extends Case {
  readonly category: string;
  readonly rows: readonly Row[];
}

interface Torch extends Case {
  readonly reduction: Reduction;
  readonly x: Entries;
  readonly y?: Entries;
  readonly labels?: readonly number[];
  readonly weights: readonly number[] | null;
  readonly value: Entry | Entries;
  readonly grad: Derivatives;
  readonly hess?: Derivatives;
}

/** The files are written by golden/rows.py, with nothing else in them. */
function isCases<C extends Case>(cases: unknown): cases is readonly C[] {
  return Array.isArray(cases) && cases.length > 0;
}

function casesOf<C extends Case>(file: string): readonly (C & { readonly name: RowName; readonly settings: string })[] {
  const cases: unknown = JSON.parse(readFileSync(new URL(`../golden/${file}`, import.meta.url), "utf8"));
  if (!isCases<C>(cases)) throw new Error(`${file} holds no cases`);
  return cases.map((golden) => {
    const { loss, options } = golden;
    if (!isRowName(loss)) throw new Error(`${loss} is no row loss`);
    return { ...golden, name: loss, settings: JSON.stringify(options) };
  });
}

const arrayOf = { float32: Float32Array, float64: Float64Array } satisfies Record<string, FloatsConstructor>;
const leastNormal = { float32: 2 ** -126, float64: 2 ** -1022 };
const least = { float32: 2 ** -149, float64: 2 ** -1074 };

function optionsOf({ options, classes }: Case, name: RowName): RowOptions {
  return { ...options, [rowSpecs[name].length]: classes };
}

/** All of a derivative's numbers, the one by the other array after the one by the prediction. */
function flat(derivatives: Derivatives): Entries {
  return "mean" in derivatives ? [...derivatives.mean, ...derivatives.logVariance] : derivatives;
}

/** The same of a result; of row `at` alone if there is one. */
function flatten(derivative: RowResults["grad"], length: number, at?: number): number[] {
  const [from, to] = at === undefined ? [0, undefined] : [at * length, (at + 1) * length];
  const arrays = ArrayBuffer.isView(derivative) ? [derivative] : [derivative.mean, derivative.logVariance];
  return arrays.flatMap((array) => Array.from(array.subarray(from, to)));
}

describe.each(Object.entries(rowImplementations))("%s on mpmath's rows", (implementation, losses) => {
  const exact = casesOf<Exact>("rows-mpmath.json");

  it.each(exact)("$name $type $settings $classes a row, $category", (golden) => {
    const { name, type, classes, rows } = golden;
    const Type = arrayOf[type];
    const array = (of: (row: Row) => Entries) => Type.from(rows.flatMap((row) => of(row).map(Number)));
    const target = rows.every(({ label }) => label !== undefined)
      ? Int32Array.from(rows, ({ label = NaN }) => label)
      : array(({ y = [] }) => y);
    const got = rowsOf(losses)[name].valueGradHess(
      array(({ x }) => x),
      target,
      { ...optionsOf(golden, name), reduction: "none" },
    );
    // The reference works in float64 throughout: its float32 is only rounded.
    const close = type === "float64" ? 1e-14 : implementation === "reference" ? 1e-7 : 1e-6;
    const wrong: string[] = [];
    rows.forEach(({ value, grad, hess, scale }, at) => {
      const check = (what: string, results: readonly number[], rights: Entries, scales: Entries = []) => {
        if (results.length !== rights.length) wrong.push(`${what} of row ${at} has ${results.length} entries`);
        rights.forEach((entry, k) => {
          const [result = NaN, right] = [results[k], Number(entry)];
          const size = Math.max(Math.abs(right), Number(scales[k] ?? 0));
          const most = close * size + (Math.abs(right) < leastNormal[type] ? least[type] : 0);
          if (result === right || (Number.isFinite(size) && Math.abs(result - right) <= most)) return;
          const error = `${Math.abs(result - right) / size} of ${size}`;
          wrong.push(`${what}[${k}] of row ${at} is ${result}, expected ${right}: off by ${error}`);
        });
      };
      check("value", [valuesOf(got.value)[at] ?? NaN], [value], [scale?.value ?? 0]);
      check("grad", flatten(got.grad, classes, at), flat(grad), flat(scale?.grad ?? []));
      check("hess", flatten(got.hess, classes, at), flat(hess));
    });
    expect(wrong, `off by more than ${close}`).toEqual([]);
  });
});

function valuesOf(value: number | Floats): ArrayLike<number> {
  return typeof value === "number" ? [value] : value;
}

describe.each(Object.entries(rowImplementations))("%s on PyTorch's batches", (_, losses) => {
  const torch = casesOf<Torch>("rows-torch.json").map((golden) => ({
    ...golden,
    targets: golden.labels ? "indices" : "floats",
    weighting: golden.weights ? "weighted" : "plain",
  }));

  it.each(torch)("$name $type $settings of $targets, $weighting $reduction", (golden) => {
    const { name, type, reduction, weights } = golden;
    const Type = arrayOf[type];
    const array = (entries: Entries) => Type.from(entries.map(Number));
    const target = golden.labels ? Int32Array.from(golden.labels) : array(golden.y ?? []);
    const got = rowsOf(losses)[name].valueGradHess(array(golden.x), target, {
      ...optionsOf(golden, name),
      reduction,
      weights: weights ?? undefined,
    });
    const close = type === "float32" ? 2e-6 : 1e-12;
    const near = (results: ArrayLike<number>, rights: Entries, what: string) => {
      expect(results.length, what).toBe(rights.length);
      rights.forEach((entry, k) => {
        const [result = NaN, right] = [results[k], Number(entry)];
        const off = Math.abs(result - right);
        if (!(off <= close * Math.abs(right))) expect.fail(`${what}[${k}] is ${result}, expected ${right}`);
      });
    };
    near(valuesOf(got.value), typeof golden.value === "object" ? golden.value : [golden.value], "value");
    near(flatten(got.grad, golden.classes), flat(golden.grad), "grad");
    if (golden.hess) near(flatten(got.hess, golden.classes), flat(golden.hess), "hess");
  });
});
