/** What row losses return: comparison bit by bit, and buffers for it. */
import { expect } from "vitest";
import { expectValue } from "../bits.js";
import type { Floats } from "../implementations.js";
import { type Batch, type Derivative, fieldsOf, type Kind, type RowResults } from "./implementations.js";

/** Fails unless both have the same fields, and those the same bits. */
export function expectRows(got: Partial<RowResults>, expected: Partial<RowResults>, what = ""): void {
  const rights = new Map(fieldsOf(expected));
  const fields = fieldsOf(got);
  expect(
    fields.map(([name]) => name),
    what,
  ).toEqual([...rights.keys()]);
  for (const [name, found] of fields) expectValue(found, rights.get(name) ?? NaN, `${what} ${name}`);
}

/** Every array among the results. */
export function arraysOf(results: Partial<RowResults>): readonly Floats[] {
  return fieldsOf(results).flatMap(([, found]) => (typeof found === "number" ? [] : [found]));
}

/** The same results, each array of them as `change` makes it. */
export function mapped({ value, grad, hess }: RowResults, change: (array: Floats) => Floats): RowResults {
  const both = (derivative: Derivative): Derivative =>
    ArrayBuffer.isView(derivative)
      ? change(derivative)
      : { mean: change(derivative.mean), logVariance: change(derivative.logVariance) };
  return { value: typeof value === "number" ? value : change(value), grad: both(grad), hess: both(hess) };
}

/** Buffers of the caller's. */
export interface RowOut extends Pick<RowResults, "grad" | "hess"> {
  readonly value?: Floats;
}

/** Buffers for the derivatives, and for the values where there is one a row. */
export function outOf(
  { spec }: Kind,
  { rows, length }: Pick<Batch, "rows" | "length">,
  reduction: string,
  make: (length: number) => Floats,
): RowOut {
  const derivative = (): Derivative =>
    spec.both ? { mean: make(rows * length), logVariance: make(rows * length) } : make(rows * length);
  const derivatives = { grad: derivative(), hess: derivative() };
  return reduction === "none" ? { value: make(rows), ...derivatives } : derivatives;
}

/** The values of reduction "none". */
export function perRow(value: number | Floats): Floats {
  if (typeof value === "number") throw new Error("one value for all rows");
  return value;
}
