/** Comparison of floating-point numbers: bit by bit, or in units of the last place. */
import { expect } from "vitest";
import type { Floats, FloatsConstructor } from "./implementations.js";

/** Fails unless both are of one type and length and have the same bits; of NaNs the payload is left aside. */
export function expectBits(got: Floats, expected: Floats, what = ""): void {
  const at = difference(got, expected);
  if (at === undefined) return;
  const type = `${got.constructor.name}(${got.length}) is not ${expected.constructor.name}(${expected.length})`;
  expect.fail(`${what} ${at < 0 ? type : `${got[at]} is not ${expected[at]} at ${at} of ${got.length}`}`.trim());
}

/** The first index at which they differ; −1 where type or length do. */
function difference(got: Floats, expected: Floats): number | undefined {
  if (got.constructor !== expected.constructor || got.length !== expected.length) return -1;
  for (let k = 0; k < got.length; k++) if (!Object.is(got[k], expected[k])) return k;
  return undefined;
}

/** The number of that type that is nearest to `x`. */
export function rounded(Type: FloatsConstructor, x: number): number {
  return Type === Float32Array ? Math.fround(x) : x;
}

/** What `valueGradHess` returns. */
export interface Results {
  readonly value: number | Floats;
  readonly grad: Floats;
  readonly hess: Floats;
}

export const results = ["value", "grad", "hess"] as const;

/** Fails unless all three have the same bits. */
export function expectResults(got: Results, expected: Results, what = ""): void {
  expectValue(got.value, expected.value, `${what} value`);
  expectBits(got.grad, expected.grad, `${what} grad`);
  expectBits(got.hess, expected.hess, `${what} hess`);
}

export function expectValue(got: number | Floats, expected: number | Floats, what = ""): void {
  if (typeof got === "number" || typeof expected === "number") expect(got, what).toBe(expected);
  else expectBits(got, expected, what);
}

const number = new Float64Array(1);
const words = new Uint32Array(number.buffer);

/** The exponent of the leading bit, no less than `least`. */
function exponent(x: number, least: number): number {
  number[0] = x;
  return Math.max((((words[1] ?? 0) >>> 20) & 0x7ff) - 1023, least);
}

/** The distance of neighbours at `x` in that type. */
function ulp(Type: FloatsConstructor, x: number): number {
  return Type === Float32Array ? 2 ** (exponent(x, -126) - 23) : 2 ** (exponent(x, -1022) - 52);
}

/** The bounds of the accuracy table, in units of the last place of the result, or of its largest term where terms cancel. */
export function bound(loss: string, Type: FloatsConstructor): number {
  return (Type === Float32Array ? 2 : 4) * (loss.startsWith("focal") ? 2 : 1);
}

/** The error of `got` in units of the last place of `scale`: of the result itself, or of the largest of its terms. */
export function ulps(Type: FloatsConstructor, got: number, exact: number, scale = exact): number {
  if (Object.is(got, exact) || got === exact) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(exact)) return Infinity;
  return Math.abs(got - exact) / ulp(Type, Math.max(Math.abs(scale), Math.abs(exact)));
}

/** Fails where any element is further off than `most` units of the last place. */
export function expectUlps(Type: FloatsConstructor, got: Floats, exact: Floats, most: number, what: string): void {
  expect(got.length, what).toBe(exact.length);
  exact.forEach((right, k) => {
    const error = ulps(Type, got[k] ?? NaN, right);
    if (error > most) expect.fail(`${what}: ${got[k]} is ${error} ULP from ${right} at ${k}, more than ${most}`);
  });
}

/** The sum, rounded once but for the last few partial sums. Shewchuk (1997). */
export function exactSum(terms: Iterable<number>): number {
  const partials: number[] = [];
  for (const term of terms) {
    let x = term;
    let kept = 0;
    for (const partial of partials) {
      const sum = x + partial;
      const rest = Math.abs(x) < Math.abs(partial) ? x - (sum - partial) : partial - (sum - x);
      if (rest !== 0) partials[kept++] = rest;
      x = sum;
    }
    partials.length = kept;
    partials.push(x);
  }
  return partials.reduceRight((sum, partial) => sum + partial, 0);
}
