/** The ends of the numbers: infinities, zeros, clamps, overflow, arrays longer than an address is wide. */
import { describe, expect, it } from "vitest";
import { ROUND } from "../assembly/want.js";
import { bound, results, rounded, ulps } from "./bits.js";
import type { Floats, Name, Settings } from "./implementations.js";
import { implementations, lossesOf, names, specs, types } from "./implementations.js";
import { drawData, fill } from "./random.js";

type Edge = readonly [x: number, y: number, value: number, grad: number, hess: number];

/** Exact results, or the nearest float64. */
const edges: readonly { readonly of: Name; readonly at?: Settings; readonly points: readonly Edge[] }[] = [
  {
    of: "mae",
    points: [
      [Infinity, 0, Infinity, 1, 0],
      [-Infinity, 0, Infinity, -1, 0],
      [0, Infinity, Infinity, -1, 0],
      [Infinity, Infinity, NaN, NaN, NaN],
      [2, 2, 0, 0, 0],
      [-0, 0, 0, 0, 0],
    ],
  },
  {
    of: "mse",
    points: [
      [Infinity, 0, Infinity, Infinity, 2],
      [-Infinity, 0, Infinity, -Infinity, 2],
      [Infinity, Infinity, NaN, NaN, NaN],
    ],
  },
  {
    of: "huber",
    points: [
      [Infinity, 0, Infinity, 1, 0],
      [-Infinity, 0, Infinity, -1, 0],
      [-Infinity, -Infinity, NaN, NaN, NaN],
      [1, 0, 0.5, 1, 1],
      [-1, 0, 0.5, -1, 1],
      [1e30, 0, 1e30, 1, 0],
      [3e38, 0, 3e38, 1, 0],
    ],
  },
  {
    of: "huber",
    at: { delta: Infinity },
    points: [
      [Infinity, 0, Infinity, Infinity, 1],
      [-Infinity, 0, Infinity, -Infinity, 1],
      [3, 1, 2, 2, 1],
    ],
  },
  {
    of: "logCosh",
    points: [
      [Infinity, 0, Infinity, 1, 0],
      [-Infinity, 0, Infinity, -1, 0],
      [Infinity, Infinity, NaN, NaN, NaN],
      [1e30, 0, 1e30, 1, 0],
      [-3e38, 0, 3e38, -1, 0],
      [2 ** -14, 0, 2 ** -29 - 2 ** -58 / 3, 0.00006103515617420877, 0.9999999962747097],
      [2 ** -70, 0, 2 ** -141, 2 ** -70, 1],
    ],
  },
  {
    of: "charbonnier",
    points: [
      [Infinity, 0, Infinity, 1, 0],
      [-Infinity, 0, Infinity, -1, 0],
      [Infinity, Infinity, NaN, NaN, NaN],
      [1e30, 0, 1e30, 1, 1e-102],
      [-3e38, 0, 3e38, -1, 1e-12 / 3e38 ** 3],
    ],
  },
  {
    of: "bce",
    at: { epsilon: 0 },
    points: [
      [0, 0, 0, 1, 1],
      [1, 1, 0, -1, 1],
      [0, 1, Infinity, -Infinity, Infinity],
      [1, 0, Infinity, Infinity, Infinity],
      [0, 0.5, Infinity, -Infinity, Infinity],
      [-0, 0, 0, 1, 1],
      [-0, 1, Infinity, -Infinity, Infinity],
      [-0, 0.5, Infinity, -Infinity, Infinity],
    ],
  },
  {
    // Outside [ε, 1 − ε] everything is taken at the clamp: the gradient does not die.
    of: "bce",
    at: { epsilon: 0.25 },
    points: [
      [0, 1, 1.3862943611198906, -4, 16],
      [0.125, 1, 1.3862943611198906, -4, 16],
      [1, 0, 1.3862943611198906, 4, 16],
      [0, 0, 0.2876820724517809, 4 / 3, 16 / 9],
      [1, 1, 0.2876820724517809, -4 / 3, 16 / 9],
    ],
  },
  {
    of: "bceWithLogits",
    points: [
      [Infinity, 1, 0, 0, 0],
      [-Infinity, 0, 0, 0, 0],
      [Infinity, 0, Infinity, 1, 0],
      [-Infinity, 1, Infinity, -1, 0],
      [Infinity, 0.25, Infinity, 0.75, 0],
      [0, 0, Math.LN2, 0.5, 0.25],
      [0, 1, Math.LN2, -0.5, 0.25],
      [-0, 0, Math.LN2, 0.5, 0.25],
      [-0, 1, Math.LN2, -0.5, 0.25],
      [20, 1, 2.061153620314381e-9, -2.061153618190204e-9, 2.061153613941849e-9],
      [-20, 0, 2.061153620314381e-9, 2.061153618190204e-9, 2.061153613941849e-9],
      [3e38, 0, 3e38, 1, 0],
    ],
  },
  {
    of: "bceWithLogits",
    at: { posWeight: 3 },
    points: [
      [Infinity, 1, 0, 0, 0],
      [-Infinity, 1, Infinity, -3, 0],
      [Infinity, 0, Infinity, 1, 0],
    ],
  },
  {
    of: "bceWithLogits",
    at: { labelSmoothing: 0.5 },
    points: [
      [Infinity, 1, Infinity, 0.25, 0],
      [-Infinity, 1, Infinity, -0.75, 0],
    ],
  },
  {
    of: "focal",
    at: { epsilon: 0 },
    points: [
      [1, 1, 0, 0, 0],
      [0, 0, 0, 0, 0],
      [0, 1, Infinity, -Infinity, Infinity],
      [1, 0, Infinity, Infinity, Infinity],
      [-0, 1, Infinity, -Infinity, Infinity],
    ],
  },
  {
    of: "focal",
    at: { alpha: null, gamma: 0, epsilon: 0 },
    points: [
      [1, 1, 0, -1, 1],
      [0, 0, 0, 1, 1],
    ],
  },
  {
    // A gradient is finite also where gamma < 1; the second derivative is not.
    of: "focal",
    at: { alpha: null, gamma: 0.5, epsilon: 0 },
    points: [
      [1, 1, 0, 0, Infinity],
      [0, 0, 0, 0, Infinity],
    ],
  },
  {
    of: "focalWithLogits",
    points: [
      [Infinity, 1, 0, 0, 0],
      [-Infinity, 0, 0, 0, 0],
      [-Infinity, 1, Infinity, -0.25, 0],
      [Infinity, 0, Infinity, 0.75, 0],
      [-3e38, 1, 0.75e38, -0.25, 0],
    ],
  },
  {
    of: "focalWithLogits",
    at: { gamma: 0.5 },
    points: [
      [Infinity, 1, 0, 0, 0],
      [-Infinity, 1, Infinity, -0.25, 0],
    ],
  },
  {
    // α_t = 0: the other label alone counts, however wrong the prediction.
    of: "focalWithLogits",
    at: { alpha: 0 },
    points: [
      [-Infinity, 1, 0, 0, 0],
      [-3, 1, 0, 0, 0],
    ],
  },
  {
    of: "focal",
    at: { alpha: 0, epsilon: 0 },
    points: [
      [0, 1, 0, 0, 0],
      [0.25, 1, 0, 0, 0],
    ],
  },
];

const suites = Object.entries(implementations).flatMap(([implementation, losses]) =>
  types.map((Type) => ({ title: `${implementation} ${Type.name}`, implementation, losses: lossesOf(losses), Type })),
);

describe.each(suites)("$title", ({ implementation, losses, Type }) => {
  const single = Type === Float32Array;
  const points = edges.flatMap(({ of, at = {}, points }) =>
    points.map(([x, y, value, grad, hess]) => ({
      of,
      at,
      x,
      y,
      expected: { value, grad, hess },
      title: `${of}(${Object.is(x, -0) ? "−0" : x}, ${y}, ${JSON.stringify(at, (_, v) => (v === Infinity ? "∞" : v))})`,
    })),
  );

  it.each(points)("$title", ({ of, at, x, y, expected }) => {
    const got = losses[of].valueGradHess(Type.of(x), Type.of(y), { ...at, reduction: "none" });
    for (const name of results) {
      const [result = NaN] = got[name];
      const right = rounded(Type, expected[name]);
      expect(ulps(Type, result, right), `${name} is ${result}, expected ${right}`).toBeLessThanOrEqual(bound(of, Type));
    }
  });

  it.each(["bce", "focal"] as const)(
    "the gradient of %s never dies at a wrong label and is at most (1 + gamma)/epsilon",
    (name) => {
      const x = fill(Type, 1025, (k) => k / 1024);
      const options = { epsilon: 2 ** -10, reduction: "none" } as const;
      for (const label of [0, 1]) {
        const y = fill(Type, x.length, () => label);
        losses[name].grad(x, y, options).forEach((grad, k) => {
          const wrong = Math.abs(label - (x[k] ?? NaN));
          if (wrong > 0.5) expect(Math.abs(grad)).toBeGreaterThan(0.1);
          expect(Math.abs(grad)).toBeLessThanOrEqual(3 * 2 ** 10);
        });
      }
    },
  );

  it.each(names.filter((name) => specs[name].targets))("a target of −0 is 0 for %s", (name) => {
    const x = drawData(specs[name], Type, 67).prediction;
    const of = (target: number) => {
      const y = fill(Type, x.length, () => target);
      return losses[name].valueGradHess(x, y, { reduction: "none" });
    };
    const [minus, plus] = [of(-0), of(0)];
    for (const result of results) {
      plus[result].forEach((right, k) => {
        expect(minus[result][k] === right, `${result} at ${k}: ${minus[result][k]}, ${right}`).toBe(true);
      });
    }
  });

  it("one element is its own mean", () => {
    for (const name of names) {
      const { prediction, target } = drawData(specs[name], Type, 1);
      const [sum, own] = [losses[name].total(prediction, target).sum, losses[name](prediction, target)];
      if (!specs[name].root) expect(own).toBe(sum);
    }
  });

  it("a weight of −0 is 0", () => {
    const [x, y, weights] = [Type.of(NaN, 3), Type.of(0, 1), Type.of(-0, 2)];
    for (const reduction of ["mean", "sum", "none"] as const) {
      const { grad } = losses.mse.valueGradHess(x, y, { weights, reduction });
      expect(grad[0] === 0).toBe(true);
    }
    expect(losses.mse(x, y, { weights })).toBe(4);
    expect(losses.mse.total(x, y, { weights })).toEqual({ sum: 8, weight: 2 });
  });

  it.each([1, 7, 8, 67, ROUND + 9])("finite losses whose sum leaves float32 have a finite mean: %i of them", (n) => {
    const x = fill(Type, n, (k) => (k % 2 ? 3e38 : -3e38));
    const y = new Type(n);
    const size = rounded(Type, 3e38);
    const near = (value: unknown, right: number) => expect(Math.abs(Number(value) / right - 1)).toBeLessThan(1e-7);
    for (const loss of [losses.mae, losses.huber, losses.logCosh, losses.charbonnier]) {
      near(loss.total(x, y).sum, n * size);
      near(loss(x, y), size);
      near(loss(x, y, { weights: fill(Type, n, () => 1) }), size);
      const place = x.slice();
      const { value, grad } = loss.valueAndGrad(place, y, { out: { grad: place }, reduction: "sum" });
      near(value, n * size);
      expect(grad).toEqual(x.map(Math.sign));
    }
    near(losses.rmse(x, y), size);
  });

  it("an infinite loss makes the mean infinite, two of them no NaN, a NaN beside them NaN", () => {
    const n = 2 * ROUND + 9;
    for (const at of [[0], [n - 1], [0, 1], [3, n - 1], [0, ROUND, n - 1]]) {
      const x = fill(Type, n, (k) => (at.includes(k) ? Infinity : 3e38));
      const y = new Type(n);
      for (const loss of [losses.mae, losses.huber, losses.logCosh, losses.charbonnier]) {
        expect(loss(x, y), `${at}`).toBe(Infinity);
        expect(loss.total(x, y).sum).toBe(Infinity);
      }
      x[5] = NaN;
      expect(losses.mae(x, y)).toBe(NaN);
    }
  });

  it("subnormal numbers are not flushed to 0", () => {
    const least = single ? 2 ** -149 : 2 ** -1074;
    const [x, y] = [Type.of(least, 3 * least), Type.of(0, least)];
    expect(losses.mae.valueAndGrad(x, y, { reduction: "none" })).toEqual({
      value: Type.of(least, 2 * least),
      grad: Type.of(1, 1),
    });
    expect(losses.mae(x, y)).toBe(single ? 1.5 * least : 2 * least);
    expect(losses.huber.grad(x, y, { reduction: "none" })).toEqual(Type.of(least, 2 * least));
    expect(losses.logCosh.grad(x, y, { reduction: "none" })).toEqual(Type.of(least, 2 * least));
    const far = single ? 100 : 740;
    const right = rounded(Type, Math.exp(-far));
    expect(losses.bceWithLogits(Type.of(far), Type.of(1), { reduction: "none" })).toEqual(Type.of(right));
    expect(right).toBeGreaterThan(0);
  });

  it.each([
    { name: "charbonnier", settings: { epsilon: 1e-60 } },
    { name: "huber", settings: { delta: 1e-60 } },
  ] as const)("$name with a parameter that float32 would round to 0", ({ name, settings }) => {
    const { value, grad, hess } = losses[name].valueGradHess(Type.of(0, 1), Type.of(0, 0), settings);
    expect([value, ...grad, ...hess].some(Number.isNaN)).toBe(false);
  });

  // Of the reference this would take minutes, and it knows no rounds; of one type it is enough: bytes are what can overflow.
  // Almost all of the array is 0, so of its 2 GiB almost nothing is ever held in memory.
  it.runIf(implementation === "wasm" && single)("arrays of more than 2³¹ bytes", () => {
    const n = 2 ** 29 + 3;
    const all = new Float32Array(n + 1);
    const steps: readonly (readonly [at: number, height: number])[] = [
      [1, 1],
      [2 ** 28, 2],
      [2 ** 29 - 1, 4],
      [2 ** 29 + 2, 8],
    ];
    for (const [at, height] of steps) all[at] = height;
    // Every lone number is a difference twice, to the right and to the left.
    const x = all.subarray(0, n);
    const y = all.subarray(1, n + 1);
    const squares = steps.reduce((sum, [, height]) => sum + 2 * height ** 2, 0);
    expect(losses.mse.total(x, y)).toEqual({ sum: squares, weight: n });
  });
});

describe("arrays of one buffer", () => {
  it("may touch, but not overlap", () => {
    const memory = new Float64Array(12);
    const [x, y, grad, hess]: Floats[] = [0, 3, 6, 9].map((from) => memory.subarray(from, from + 3));
    if (x === undefined || y === undefined || grad === undefined || hess === undefined) throw new Error("four arrays");
    x.set([1, 2, 3]);
    for (const losses of Object.values(implementations)) {
      const got = losses.mse.valueGradHess(x, y, { reduction: "sum", out: { grad, hess } });
      expect(got.value).toBe(14);
      expect(memory).toEqual(Float64Array.of(1, 2, 3, 0, 0, 0, 2, 4, 6, 2, 2, 2));
    }
  });
});
