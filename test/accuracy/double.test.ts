/** What `npm run accuracy -- --double` and `-- --oracle` rest upon, but for Python. */
import { describe, expect, it } from "vitest";
import type { Parameter } from "../../src/spec.js";
import { lossNames } from "./cases.js";
import { type Group, groupsOf, verdictsOf } from "./double.js";
import { bitsBeyond, type Exact, ulps, unit } from "./exact.js";
import { kindOf, specs } from "./points.js";

describe.each(lossNames)("the points of %s", (loss) => {
  const groups = groupsOf(loss);
  const kind = kindOf(specs[loss]);

  it("are more than 10 000, with the defaults and two other settings of each parameter", () => {
    expect(groups.reduce((sum, { x }) => sum + x.length, 0)).toBeGreaterThan(10_000);
    const parameters: Readonly<Record<string, Parameter>> = { ...specs[loss].parameters };
    for (const [name, { default: usual }] of Object.entries(parameters)) {
      const values = new Set(groups.map((group) => group.parameters[name]));
      expect(values).toContain(usual);
      expect(values.size).toBeGreaterThanOrEqual(3);
    }
  });

  it.each(kind === "residual" ? ["0"] : ["0", "1"])(
    "have each power of two and its neighbours with target %s",
    (targets) => {
      const own = groups.filter((group) => group.targets === targets);
      expect(own.length).toBe(new Set(groups.map(({ settings }) => settings)).size);
      for (const { x, y } of own) {
        expect(new Set(y)).toEqual(new Set([Number(targets)]));
        expect(missingFrom(x.map(Math.abs), kind === "probability" ? -1 : 1023)).toEqual([]);
        const near1 = kind === "probability" ? Array.from({ length: 52 }, (_, k) => 1 - 2 ** -(k + 2)) : [];
        const neighbours = near1.flatMap((p) => [p - 2 ** -53, p, p + 2 ** -53]);
        expect(neighbours.filter((p) => p < 1 && !x.includes(p))).toEqual([]);
      }
    },
  );

  it("have all other targets that the loss takes", () => {
    const own = groups.filter(({ targets }) => targets !== "0" && targets !== "1");
    expect(own.length === 0).toBe(specs[loss].labels === true);
    for (const { x, y } of own) {
      expect(x.length).toBeGreaterThan(1000);
      if (kind === "residual") expect(x.filter((own, k) => !isExact(own, y[k] ?? Number.NaN))).toEqual([]);
      else expect(y.filter((label) => label > 0 && label < 1).length).toBeGreaterThan(1000);
      expect(Math.min(...y.map(Math.abs).filter((size) => size > 0))).toBeLessThan(2 ** -900);
    }
  });
});

/** Of the powers of two in a range, with their neighbours. */
function missingFrom(numbers: readonly number[], top: number): number[] {
  const found = new Set(numbers);
  return Array.from({ length: top + 1075 }, (_, k) => 2 ** (k - 1074))
    .flatMap((power) => [power - (power === 2 ** -1074 ? 0 : unit(power / 2)), power, power + unit(power)])
    .filter((x) => !found.has(x));
}

/** Whether x − y is no rounded number. Knuth (1969). */
function isExact(x: number, y: number): boolean {
  const e = x - y;
  const added = e - x;
  return x - (e - added) === y + added;
}

describe("errors", () => {
  it.each<[name: string, got: number, exact: Exact, error: number]>([
    ["a result that is exact", 1, { nearest: 1, above: 0, scale: 1 }, 0],
    ["a quarter below", 1, { nearest: 1, above: 0.25, scale: 1 }, 0.25],
    ["a neighbour", 1 + 2 ** -52, { nearest: 1, above: 0.25, scale: 1 }, 0.75],
    ["a neighbour of −1", -1 - 2 ** -52, { nearest: -1, above: 0.25, scale: 1 }, 1.25],
    ["below a power of two, where units are half as long", 1, { nearest: 1, above: -0.25, scale: 1 - 2 ** -53 }, 0.25],
    ["two units below a power of two", 1 - 2 ** -52, { nearest: 1, above: 0, scale: 1 - 2 ** -53 }, 2],
    ["a subnormal number", 2 ** -1073, { nearest: 2 ** -1074, above: 0.25, scale: 2 ** -1074 }, 0.75],
    ["0 for a subnormal number", 0, { nearest: 2 ** -1070, above: 0, scale: 2 ** -1070 }, 16],
    ["terms that cancel", 2 ** -60, { nearest: 0, above: 0, scale: 1 }, 2 ** -8],
    ["−0", -0, { nearest: 0, above: 0, scale: 0 }, 0],
    ["∞ where it is right", Infinity, { nearest: Infinity, above: 1e9, scale: Number.MAX_VALUE }, 0],
    ["∞ a little too soon", Infinity, { nearest: Number.MAX_VALUE, above: 0.25, scale: Number.MAX_VALUE }, Infinity],
    ["∞ of the wrong sign", -Infinity, { nearest: Infinity, above: 0, scale: Infinity }, Infinity],
    ["∞ a little too late", Number.MAX_VALUE, { nearest: Infinity, above: -0.25, scale: Number.MAX_VALUE }, 0.75],
    ["−∞ too late", -Number.MAX_VALUE, { nearest: -Infinity, above: -2, scale: Number.MAX_VALUE }, 3],
    ["1 for ∞", 1, { nearest: Infinity, above: 0, scale: Infinity }, 2 ** 53],
    ["no number", Number.NaN, { nearest: 1, above: 0, scale: 1 }, Infinity],
  ])("%s", (_, got, exact, error) => {
    expect(ulps(got, exact)).toBe(error);
  });

  it("are infinite where nothing is known", () => {
    expect(ulps(1, undefined)).toBe(Infinity);
    expect(bitsBeyond(1, undefined)).toBe(-Infinity);
  });

  it.each([
    [1 + 2 ** -34, 1, 10],
    [2 ** 100 - 2 ** 56, 2 ** 100, 20],
    [2 ** -140 + 2 ** -160, 2 ** -140, 10],
    [1, 1, Infinity],
    [Number.NaN, 1, -Infinity],
  ])("%d for %d is good to as many bits beyond a float32", (got, right, bits) => {
    expect(bitsBeyond(got, { nearest: right, above: 0, scale: right })).toBe(bits);
  });

  it("are counted, and the largest is named", () => {
    const x = [10, 20, 30, 40, 50];
    const group: Group = { name: "mse", settings: {}, parameters: {}, targets: "0", x, y: x.map((p) => -p) };
    const got = Float64Array.of(1, 1.25, 1, 1, 1);
    const right = [0.4, 0.75 - 2 ** 50, -1.5, 3, -3.5].map((above) => ({ nearest: 1, above, scale: 1 }));
    right[1] = { nearest: 1.25, above: 0.75, scale: 1 };
    const [value, grad, hess] = verdictsOf(
      group,
      right.map((own) => [own, own]),
      { value: got, grad: got, hess: got },
    );
    expect(value).toEqual({
      settings: {},
      targets: "0",
      result: "value",
      worst: 3.5,
      at: [50, -50],
      half: 4,
      one: 3,
      two: 2,
      four: 0,
      count: 5,
    });
    expect(grad).toEqual({ ...value, result: "grad" });
    expect(hess).toMatchObject({ worst: Infinity, at: [10, -10], four: 5 });
  });
});
