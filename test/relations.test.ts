/** What losses have to do with one another and with themselves, on drawn arrays. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeTotals } from "../src/index.js";
import type { Spec } from "../src/spec.js";
import { bound, expectBits, expectResults, expectUlps, results, ulps } from "./bits.js";
import type { Floats, FloatsConstructor, Name, Settings } from "./implementations.js";
import { implementations, lossesOf, middles, names, reductionsOf, specs, types } from "./implementations.js";
import { fill } from "./random.js";

const suites = Object.entries(implementations).flatMap(([implementation, losses]) =>
  types.map((Type) => ({ title: `${implementation} ${Type.name}`, losses, Type })),
);

const EACH = { reduction: "none" } as const;

/** Multiples of 2⁻¹⁰ within ±2¹⁰, whose differences are exact in either type; the extremes of float32 are for `numbers`. */
const steps = fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((step) => step / 2 ** 10);
const numbers = fc.oneof(steps, fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e38, max: 1e38 }));
/** Multiples of 2⁻¹², of which 1 − p is exact as well, and tiny ones. */
const probabilities = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 12 }).map((step) => step / 2 ** 12),
  fc.double({ noNaN: true, min: 0, max: 1 }),
);
const labels = fc.constantFrom(0, 1);

function predictionsOf({ predictions }: Spec): fc.Arbitrary<number> {
  return predictions === undefined ? numbers : probabilities;
}

function targetsOf(spec: Spec): fc.Arbitrary<number> {
  if (spec.labels) return labels;
  return spec.targets === undefined ? numbers : fc.oneof(labels, probabilities);
}

/** Arrays of pairs, long enough for whole vectors and a tail. */
function pairs(x: fc.Arbitrary<number>, y: fc.Arbitrary<number>): fc.Arbitrary<[number, number][]> {
  return fc.array(fc.tuple(x, y), { minLength: 1, maxLength: 40 });
}

function arraysOf(Type: FloatsConstructor, drawn: readonly (readonly [number, number])[]): [Floats, Floats] {
  const column = (j: 0 | 1) => fill(Type, drawn.length, (k) => drawn[k]?.[j] ?? NaN);
  return [column(0), column(1)];
}

const map = (array: Floats, f: (x: number) => number): Floats => array.map((x) => f(x));
const times = (array: Floats, factor: number): Floats => array.map((x) => x * factor);

describe.each(suites)("$title", ({ losses, Type }) => {
  const single = Type === Float32Array;
  const named = lossesOf(losses);
  const near = bound("", Type);
  const nearFocal = bound("focal", Type);

  function given(
    x: fc.Arbitrary<number>,
    y: fc.Arbitrary<number>,
    holds: (prediction: Floats, target: Floats) => void,
  ): void {
    fc.assert(
      fc.property(pairs(x, y), (drawn) => holds(...arraysOf(Type, drawn))),
      { seed: 1, numRuns: 200 },
    );
  }

  it.each([Infinity, 1e30])("huber(delta = %f) = mse/2", (delta) => {
    given(steps, steps, (x, y) => {
      const huber = losses.huber.valueGradHess(x, y, { delta, ...EACH });
      const mse = losses.mse.valueGradHess(x, y, EACH);
      expectBits(huber.value, times(mse.value, 0.5));
      expectBits(huber.grad, times(mse.grad, 0.5));
      expectBits(huber.hess, times(mse.hess, 0.5));
    });
  });

  it("huber(delta → 0)/delta = mae", () => {
    const delta = 2 ** -100;
    given(steps, steps, (x, y) => {
      const huber = losses.huber.valueGradHess(x, y, { delta, ...EACH });
      const mae = losses.mae.valueGradHess(x, y, EACH);
      expectUlps(Type, times(huber.value, 1 / delta), mae.value, 1, "value");
      expectBits(times(huber.grad, 1 / delta), mae.grad);
    });
  });

  it("rmse² = mse", () => {
    given(steps, steps, (x, y) => {
      const weights = fill(Type, x.length, (k) => 1 + (k % 3));
      for (const options of [{}, { weights }]) {
        const mse = losses.mse(x, y, options);
        expect(ulps(Float64Array, losses.rmse(x, y, options) ** 2, mse)).toBeLessThanOrEqual(4);
      }
    });
  });

  it("mae ≤ charbonnier ≤ mae + epsilon, but for the last place", () => {
    given(steps, steps, (x, y) => {
      const epsilon = 0.7;
      const charbonnier = losses.charbonnier(x, y, { epsilon, ...EACH });
      losses.mae(x, y, EACH).forEach((mae, k) => {
        const value = charbonnier[k] ?? NaN;
        if (value < mae) expect(ulps(Type, value, mae)).toBeLessThanOrEqual(1);
        if (value > mae + epsilon) expect(ulps(Type, value, mae + epsilon)).toBeLessThanOrEqual(1);
      });
    });
  });

  it("logCosh lies between mae − ln 2 and both mae and mse/2, but for the last place", () => {
    given(numbers, fc.constant(0), (x, y) => {
      const [mae, mse] = [losses.mae(x, y, EACH), losses.mse(x, y, EACH)];
      losses.logCosh(x, y, EACH).forEach((value, k) => {
        const most = Math.min(mae[k] ?? NaN, (mse[k] ?? NaN) / 2);
        const least = Math.max(0, (mae[k] ?? NaN) - Math.LN2);
        if (!(value <= most)) expect(ulps(Type, value, most)).toBeLessThanOrEqual(near);
        if (!(value >= least)) expect(ulps(Type, value, least)).toBeLessThanOrEqual(near);
      });
    });
  });

  it("bceWithLogits(x, 1) = bceWithLogits(−x, 0), its gradient with the other sign", () => {
    given(numbers, fc.constant(1), (x, y) => {
      const present = losses.bceWithLogits.valueGradHess(x, y, EACH);
      const absent = losses.bceWithLogits.valueGradHess(map(x, negative), map(y, other), EACH);
      expectBits(present.value, absent.value);
      expectBits(
        map(present.grad, unsigned),
        map(absent.grad, (grad) => unsigned(-grad)),
      );
      expectBits(present.hess, absent.hess);
    });
  });

  it("bceWithLogits(posWeight = P) is P times as much at 1, and the same at 0", () => {
    given(numbers, labels, (x, y) => {
      const posWeight = 3.5;
      const more = losses.bceWithLogits.valueGradHess(x, y, { posWeight, ...EACH });
      const plain = losses.bceWithLogits.valueGradHess(x, y, EACH);
      for (const name of results) {
        const expected = fill(Type, x.length, (k) => (y[k] === 1 ? posWeight : 1) * (plain[name][k] ?? NaN));
        expectUlps(Type, more[name], expected, 2 * near * posWeight, name);
      }
    });
  });

  it("bceWithLogits(labelSmoothing = s) = bceWithLogits of y(1 − s) + s/2", () => {
    given(steps, labels, (x, y) => {
      const smooth = losses.bceWithLogits(x, y, { labelSmoothing: 0.25, ...EACH });
      const soft = losses.bceWithLogits(
        x,
        map(y, (label) => 0.75 * label + 0.125),
        EACH,
      );
      expectUlps(Type, smooth, soft, 2 * near, "value");
    });
  });

  it.runIf(Type === Float64Array)("bce(σ(x), y) = bceWithLogits(x, y)", () => {
    given(fc.double({ min: -8, max: 8, noNaN: true }), fc.oneof(labels, probabilities), (x, y) => {
      const p = map(x, (logit) => 1 / (1 + Math.exp(-logit)));
      const ofP = losses.bce.valueAndGrad(p, y, { epsilon: 0, ...EACH });
      const ofX = losses.bceWithLogits.valueAndGrad(x, y, EACH);
      x.forEach((_, k) => {
        const [q = NaN, label = NaN] = [p[k], y[k]];
        // σ(x) itself is rounded: to 2⁻⁵³, which is 3·10⁻¹³ of 1 − σ(8).
        expect(Math.abs((ofP.value[k] ?? NaN) - (ofX.value[k] ?? NaN))).toBeLessThan(1e-12);
        const chained = (ofP.grad[k] ?? NaN) * q * (1 - q);
        expect(Math.abs(chained - (ofX.grad[k] ?? NaN)), `${label}`).toBeLessThan(1e-12);
      });
    });
  });

  it("focal(gamma = 0, alpha = null) = bce, within both bounds", () => {
    given(probabilities, labels, (x, y) => {
      for (const epsilon of [1e-7, 0.01]) {
        const focal = losses.focal.valueGradHess(x, y, { alpha: null, gamma: 0, epsilon, ...EACH });
        const bce = losses.bce.valueGradHess(x, y, { epsilon, ...EACH });
        for (const name of results) {
          expectUlps(Type, focal[name], bce[name], near + nearFocal, name);
        }
      }
    });
  });

  it("focalWithLogits(gamma = 0, alpha = null) = bceWithLogits, within both bounds", () => {
    given(numbers, labels, (x, y) => {
      const focal = losses.focalWithLogits.valueGradHess(x, y, { alpha: null, gamma: 0, ...EACH });
      const bce = losses.bceWithLogits.valueGradHess(x, y, EACH);
      for (const name of results) {
        expectUlps(Type, focal[name], bce[name], near + nearFocal, name);
      }
    });
  });

  it.each(["focal", "focalWithLogits"] as const)("%s(alpha) is alpha times as much at 1, 1 − alpha at 0", (name) => {
    given(predictionsOf(specs[name]), labels, (x, y) => {
      const of = (settings: Settings) => named[name].valueGradHess(x, y, { ...settings, ...EACH });
      const [balanced, plain] = [of({ alpha: 0.75 }), of({ alpha: null })];
      for (const result of ["value", "grad"] as const) {
        const expected = fill(Type, x.length, (k) => (y[k] === 1 ? 0.75 : 0.25) * (plain[result][k] ?? NaN));
        expectUlps(Type, balanced[result], expected, 2 * nearFocal, result);
      }
    });
  });

  it.each([
    { name: "bce", settings: {} },
    { name: "focal", settings: { alpha: null } },
    { name: "focal", settings: { alpha: null, gamma: 1.5 } },
  ] as const)("$name($settings) of p and y is that of 1 − p and 1 − y, where 1 − p is exact", ({ name, settings }) => {
    const exact = fc.integer({ min: 0, max: 2 ** 12 }).map((step) => step / 2 ** 12);
    given(exact, labels, (x, y) => {
      const here = named[name].valueGradHess(x, y, { ...settings, ...EACH });
      const there = named[name].valueGradHess(map(x, other), map(y, other), { ...settings, ...EACH });
      expectBits(here.value, there.value);
      expectBits(here.grad, map(there.grad, negative));
      expectBits(here.hess, there.hess);
    });
  });

  it.each(["bce", "bceWithLogits"] as const)("%s is linear in the target", (name) => {
    given(predictionsOf(specs[name]), probabilities, (x, y) => {
      const of = (target: Floats) => named[name].valueGradHess(x, target, EACH);
      const [soft, absent, present] = [of(y), of(map(y, () => 0)), of(map(y, () => 1))];
      for (const result of results) {
        y.forEach((share, k) => {
          const terms = [(1 - share) * (absent[result][k] ?? NaN), share * (present[result][k] ?? NaN)] as const;
          const largest = Math.max(...terms.map(Math.abs));
          const error = ulps(Type, soft[result][k] ?? NaN, terms[0] + terms[1], largest);
          const what = `${result} at ${k} is ${soft[result][k]}, expected ${terms[0]} + ${terms[1]}: ${error} ULP`;
          if (error > 3 * near) expect.fail(what);
        });
      }
    });
  });

  /** By powers of two, so that no digit is lost. `unit` says by how much value, gradient and second derivative grow. */
  const scaled = [
    { name: "mae", settings: () => ({}), unit: (c: number) => [c, 1] },
    { name: "mse", settings: () => ({}), unit: (c: number) => [c * c, c] },
    { name: "rmse", settings: () => ({}), unit: (c: number) => [c, 1] },
    { name: "huber", settings: (c: number) => ({ delta: 1.5 * c }), unit: (c: number) => [c * c, c] },
    { name: "charbonnier", settings: (c: number) => ({ epsilon: 1.5 * c }), unit: (c: number) => [c, 1] },
  ] as const;

  it.each(scaled)("$name scales with its unit", ({ name, settings, unit }) => {
    const reduction = specs[name].root ? "mean" : "none";
    for (const c of [2 ** -12, 2 ** 12]) {
      const [value = NaN, grad = NaN] = unit(c);
      given(steps, steps, (x, y) => {
        const plain = named[name].valueGradHess(x, y, { ...settings(1), reduction });
        const [cx, cy] = [x, y].map((array) => times(array, c));
        const got = named[name].valueGradHess(cx ?? x, cy ?? y, { ...settings(c), reduction });
        expectResults(got, {
          value: typeof plain.value === "number" ? plain.value * value : times(plain.value, value),
          grad: times(plain.grad, grad),
          hess: times(plain.hess, grad / c),
        });
      });
    }
  });

  const residual = names.filter((name) => specs[name].targets === undefined);

  it.each(residual)("%s is even in e, its gradient odd, and only e counts", (name) => {
    const reduction = specs[name].root ? "mean" : "none";
    given(steps, steps, (x, y) => {
      const here = named[name].valueGradHess(x, y, { reduction });
      const turned = named[name].valueGradHess(y, x, { reduction });
      expect(turned.value).toEqual(here.value);
      expectBits(
        map(turned.grad, unsigned),
        map(here.grad, (grad) => unsigned(-grad)),
      );
      expectBits(turned.hess, here.hess);
      const moved = named[name].valueGradHess(
        map(x, (e) => e + 3),
        map(y, (e) => e + 3),
        { reduction },
      );
      expect(moved.value).toEqual(here.value);
      expectBits(moved.grad, here.grad);
      expectBits(moved.hess, here.hess);
    });
  });

  const varied = names.flatMap((name) =>
    middles(specs[name]).map((settings) => ({ title: `${name} ${JSON.stringify(settings)}`, name, settings })),
  );

  describe.each(varied)("$title", ({ name, settings }: { name: Name; settings: Settings }) => {
    const loss = named[name];
    const spec = specs[name];
    const [x, y] = [predictionsOf(spec), targetsOf(spec)];

    it.skipIf(spec.root)("gives permuted elements permuted results", () => {
      given(x, y, (prediction, target) => {
        const here = loss.valueGradHess(prediction, target, { ...settings, ...EACH });
        const turned = [prediction, target].map((array) => array.slice().reverse());
        const there = loss.valueGradHess(turned[0] ?? prediction, turned[1] ?? target, { ...settings, ...EACH });
        expectBits(there.value.reverse(), here.value);
        expectBits(there.grad.reverse(), here.grad);
        expectBits(there.hess.reverse(), here.hess);
      });
    });

    it("sums to the sum of its parts, and to no less than 0", () => {
      given(x, y, (prediction, target) => {
        const whole = loss.total(prediction, target, settings);
        const cut = prediction.length >> 1;
        const head = loss.total(prediction.subarray(0, cut), target.subarray(0, cut), settings);
        const tail = loss.total(prediction.subarray(cut), target.subarray(cut), settings);
        const { sum } = mergeTotals(head, tail);
        if (Number.isFinite(sum)) expect(Math.abs(whole.sum - sum)).toBeLessThanOrEqual((single ? 1e-7 : 1e-15) * sum);
        else expect(whole.sum).toBe(sum);
        expect(whole.sum).toBeGreaterThanOrEqual(0);
      });
    });

    it("counts an element of weight 3 as three", () => {
      given(x, y, (prediction, target) => {
        const weights = map(prediction, () => 1);
        weights[0] = 3;
        const thrice = (array: Floats) => new Type([array[0] ?? NaN, array[0] ?? NaN, ...array]);
        for (const reduction of reductionsOf(spec).filter((reduction) => reduction !== "none")) {
          const weighted = loss(prediction, target, { ...settings, reduction, weights });
          const copied = loss(thrice(prediction), thrice(target), { ...settings, reduction });
          if (Number.isFinite(copied)) {
            expect(Math.abs(Number(weighted) - Number(copied))).toBeLessThanOrEqual(
              (single ? 2e-7 : 2e-15) * Number(copied),
            );
          } else expect(weighted).toBe(copied);
        }
      });
    });
  });
});

function negative(x: number): number {
  return -x;
}

function other(x: number): number {
  return 1 - x;
}

/** With one zero only: a derivative of 0 has no sign. */
function unsigned(x: number): number {
  return x === 0 ? 0 : x;
}
