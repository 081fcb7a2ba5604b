/** What the row losses' suite runs over: every implementation of every spec, with either kind of target, in both element types. */
import type { Gaussian, Integers, Reduction, Total } from "../../src/index.js";
import * as wasm from "../../src/index.js";
import * as losses from "../../src/losses/divergence.js";
import * as reference from "../../src/reference/index.js";
import type { RowSpec } from "../../src/spec.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { types } from "../implementations.js";
import { fill, random } from "../random.js";

export type RowName = keyof typeof losses;
/** All row losses, each with its own arrays, options and results. */
export type RowLosses = Pick<typeof wasm, RowName>;

/** A derivative by the prediction, or those by both arrays. */
export type Derivative = Floats | Gaussian<Floats>;
export type RowOptions = Readonly<Record<string, unknown>> & { readonly reduction?: Reduction | undefined };

export interface RowResults {
  readonly value: number | Floats;
  readonly grad: Derivative;
  readonly hess: Derivative;
}

/** What the row losses have in common, for a suite that gives each of them the arrays and options that it takes. */
export interface Rows {
  (prediction: Floats, target: Floats | Integers, options: RowOptions): number | Floats;
  grad(prediction: Floats, target: Floats | Integers, options: RowOptions): Derivative;
  valueAndGrad(
    prediction: Floats,
    target: Floats | Integers,
    options: RowOptions,
  ): { readonly value: number | Floats; readonly grad: Derivative };
  valueGradHess(prediction: Floats, target: Floats | Integers, options: RowOptions): RowResults;
  total(prediction: Floats, target: Floats | Integers, options: RowOptions): Total;
  fromTotal(total: Total): number;
}

/** A loss with one kind of target. */
export interface Kind {
  readonly name: RowName;
  readonly spec: RowSpec;
  readonly targets: "indices" | "floats";
}

/** One loss of one implementation. */
export interface RowSubject extends Kind {
  readonly title: string;
  readonly implementation: keyof typeof rowImplementations;
  readonly loss: Rows;
  /** The same loss of the reference. */
  readonly oracle: Rows;
}

/** The same on arrays of one type. */
export interface TypedRowSubject extends RowSubject {
  readonly Type: FloatsConstructor;
}

export const rowSpecs: Readonly<Record<RowName, RowSpec>> = losses;
export const rowNames = Object.keys(rowSpecs).filter(isRowName);
export const rowImplementations: Readonly<Record<"wasm" | "reference", RowLosses>> = { wasm, reference };

export const kinds: readonly Kind[] = rowNames.flatMap((name) => {
  const spec = rowSpecs[name];
  const floats: Kind = { name, spec, targets: "floats" };
  return spec.labels ? [{ name, spec, targets: "indices" }, floats] : [floats];
});

export const rowSubjects: readonly RowSubject[] = (["wasm", "reference"] as const).flatMap((implementation) =>
  kinds.map((kind) => ({
    ...kind,
    title: `${implementation} ${titleOf(kind)}`,
    implementation,
    loss: rowsOf(rowImplementations[implementation])[kind.name],
    oracle: rowsOf(rowImplementations.reference)[kind.name],
  })),
);

export const typedRowSubjects: readonly TypedRowSubject[] = rowSubjects.flatMap((subject) =>
  types.map((Type) => ({ ...subject, Type, title: `${subject.title} ${Type.name}` })),
);

/** For tests that name the losses that they are about. */
export const rowSuites = Object.entries(rowImplementations).flatMap(([implementation, losses]) =>
  types.map((Type) => ({ title: `${implementation} ${Type.name}`, implementation, losses, Type })),
);

export function isRowName(name: string): name is RowName {
  return name in rowSpecs;
}

export function titleOf({ name, spec, targets }: Kind): string {
  return spec.labels ? `${name} of ${targets === "indices" ? "indices" : "soft targets"}` : name;
}

/** The losses without what is their own, to be looked up by name. */
export function rowsOf(losses: RowLosses): Readonly<Record<RowName, Rows>> {
  return {
    softmaxCrossEntropy: common(losses.softmaxCrossEntropy),
    klDivergence: common(losses.klDivergence),
    klDivergenceWithLogits: common(losses.klDivergenceWithLogits),
    distillation: common(losses.distillation),
    gaussianKl: common(losses.gaussianKl),
  };
}

function common(loss: object): Rows {
  if (!isRows(loss)) throw new Error("no row loss");
  return loss;
}

function isRows(loss: object): loss is Rows {
  return typeof loss === "function" && "valueGradHess" in loss;
}

/** A batch of rows, as one loss takes it. */
export interface Batch {
  readonly rows: number;
  /** The length of a row. */
  readonly length: number;
  readonly prediction: Floats;
  readonly target: Floats | Int32Array;
  /** One a row: eighths up to 2, every fifth or so 0. */
  readonly weights: Floats;
  /** One a class: eighths up to 2, none of them 0. */
  readonly classWeights: Floats;
  /** The length of a row, under the name that the loss gives it. */
  readonly options: { readonly classes: number } | { readonly latent: number };
}

/**
 * Seeded rows of the domain that a spec states. Logits are multiples of 2⁻¹⁰ in ±8, times a power of two: sums and differences of them are
 * exact in either type. Probabilities are normalised, but for rounding; an eighth of the targets are 0.
 */
export function drawRows(
  kind: Kind,
  Type: FloatsConstructor,
  rows: number,
  length: number,
  seed = 1,
  spread = 1,
): Batch {
  const { spec, targets } = kind;
  const draw = random(seed);
  const n = rows * length;
  const logits = () => fill(Type, n, () => (Math.round((draw() - 0.5) * 2 ** 14) / 2 ** 10) * spread);
  const probabilities = (zeros: number) =>
    normalised(
      fill(Type, n, () => (draw() < zeros ? 0 : 2 ** (12 * draw() - 12))),
      length,
    );
  return {
    rows,
    length,
    prediction: spec.predictions ? probabilities(0) : logits(),
    target:
      targets === "indices"
        ? Int32Array.from({ length: rows }, () => Math.floor(draw() * length))
        : spec.targets
          ? probabilities(1 / 8)
          : logits(),
    weights: fill(Type, rows, () => (draw() < 0.2 ? 0 : Math.ceil(16 * draw()) / 8)),
    classWeights: fill(Type, length, () => Math.ceil(16 * draw()) / 8),
    options: spec.length === "classes" ? { classes: length } : { latent: length },
  };
}

/** Each row divided by its sum; a row of zeros gets its first entry set to 1. */
export function normalised(array: Floats, length: number): Floats {
  for (let from = 0; from < array.length; from += length) {
    const row = array.subarray(from, from + length);
    if (row.every((p) => p === 0)) row[0] = 1;
    let sum = 0;
    for (const p of row) sum += p;
    row.forEach((p, k) => {
      row[k] = p / sum;
    });
  }
  return array;
}

/** The defaults, and each option that changes the values somewhere within its range. */
export function rowSettings({ name, targets }: Kind, { classWeights }: Batch): readonly RowOptions[] {
  if (name === "softmaxCrossEntropy") {
    const varied: RowOptions[] = [
      {},
      { labelSmoothing: 0.125 },
      { labelSmoothing: 1 },
      { classWeights },
      { classWeights, labelSmoothing: 0.3 },
    ];
    return targets === "indices" ? [...varied, { ignoreIndex: 0 }, { ignoreIndex: 0, classWeights }] : varied;
  }
  if (name === "klDivergence") return [{}, { epsilon: 0 }, { epsilon: 0.01 }];
  if (name === "distillation") return [{}, { temperature: 0.25 }, { temperature: 3.5 }];
  return [{}];
}

/** Short, for titles. */
export function showSettings(settings: RowOptions): string {
  return JSON.stringify(settings, (key, value) => (key === "classWeights" ? "given" : value));
}

/** Everything that was returned, under the names of the fields. */
export function fieldsOf(results: Partial<RowResults>): readonly (readonly [name: string, got: number | Floats])[] {
  return Object.entries(results).flatMap(([name, got]) =>
    typeof got === "number" || ArrayBuffer.isView(got)
      ? [[name, got] as const]
      : [[`${name}.mean`, got.mean] as const, [`${name}.logVariance`, got.logVariance] as const],
  );
}

/** The derivative by the prediction alone. */
export function byPrediction(derivative: Derivative): Floats {
  return ArrayBuffer.isView(derivative) ? derivative : derivative.mean;
}
