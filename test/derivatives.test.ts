/** Gradients and second derivatives are those of the values: by jets, and by differences. */
import { describe, expect, it } from "vitest";
import type { Spec } from "../src/spec.js";
import { rounded } from "./bits.js";
import type { Settings, Subject } from "./implementations.js";
import { isName, rulesOf, settingsOf, subjects, typedSubjects } from "./implementations.js";
import { formulas, variable } from "./jets.js";
import { drawTarget, fill, random } from "./random.js";

/** Points at which the value has three derivatives or more: off the corners, and inside the clamp. */
function smoothPoints(spec: Spec, settings: Settings, n: number): readonly (readonly [x: number, y: number])[] {
  const draw = random(11);
  const points: [number, number][] = [];
  while (points.length < n) {
    const x = Math.fround(spec.predictions ? 0.35 + 0.3 * draw() : 8 * draw() - 4);
    const y = Math.fround(drawTarget(spec, draw) * (spec.targets ? 1 : 0.25));
    const e = Math.abs(x - y);
    if (spec.targets || (e > 0.05 && Math.abs(e - (settings.delta ?? 1)) > 0.05)) points.push([x, y]);
  }
  return points;
}

/** Each subject with each of its settings. */
function varied<S extends Subject>(those: readonly S[]): readonly (S & { readonly settings: Settings })[] {
  return those.flatMap((subject) =>
    settingsOf(subject.spec).map((settings) => ({
      ...subject,
      settings,
      title: `${subject.title} ${JSON.stringify(settings)}`,
    })),
  );
}

describe("by jets", () => {
  it.each(varied(typedSubjects.filter(({ spec }) => !spec.root)))("$title", ({ loss, spec, settings, Type }) => {
    if (!isName(spec.name)) throw new Error(spec.name);
    const formula = formulas[spec.name];
    const rules = Object.fromEntries(rulesOf(spec));
    const parameter = (name: string): number => {
      const value = name in settings ? settings[name] : rules[name]?.default;
      return value === null || value === undefined ? NaN : rounded(Type, value);
    };
    const points = smoothPoints(spec, settings, 200);
    const x = fill(Type, points.length, (k) => points[k]?.[0] ?? NaN);
    const y = fill(Type, points.length, (k) => points[k]?.[1] ?? NaN);
    const got = loss.valueGradHess(x, y, { ...settings, reduction: "none" });
    const close = Type === Float32Array ? 1e-6 : 1e-12;
    points.forEach(([prediction, target], k) => {
      const jet = formula(variable(prediction), target, parameter);
      const largest = Math.max(1, ...jet.map(Math.abs));
      [got.value, got.grad, got.hess].forEach((array, order) => {
        const off = Math.abs((array[k] ?? NaN) - (jet[order] ?? NaN));
        const what = `derivative ${order} at (${prediction}, ${target}) is ${array[k]}, by jets ${jet[order]}`;
        if (!(off <= close * largest)) expect.fail(what);
      });
    });
  });
});

/** The derivative of f at x by four values. Its error is of the order of step⁴ and of 10⁻¹⁶/step. */
function slope(f: (x: number) => number, x: number, step: number): number {
  return (8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / (12 * step);
}

const STEP = 2 ** -10;

describe("by differences", () => {
  it.each(varied(subjects))("$title", ({ loss, spec, settings }) => {
    const points = smoothPoints(spec, settings, 12);
    const prediction = Float64Array.from(points, ([x]) => x);
    const target = Float64Array.from(points, ([, y]) => y);
    const weights = Float64Array.from(points, (_, k) => (k % 5) / 2);
    for (const options of [
      settings,
      { ...settings, weights },
      { ...settings, weights, reduction: spec.root ? "mean" : "sum" },
    ] as const) {
      const { grad, hess } = loss.valueGradHess(prediction, target, options);
      const moved = (k: number, x: number) => prediction.with(k, x);
      points.forEach(([x], k) => {
        const bySlope = slope((at) => loss(moved(k, at), target, options), x, STEP);
        expect(Math.abs((grad[k] ?? NaN) - bySlope), `grad at ${k}`).toBeLessThan(1e-9);
        const byCurve = slope((at) => loss.grad(moved(k, at), target, options)[k] ?? NaN, x, STEP);
        expect(Math.abs((hess[k] ?? NaN) - byCurve), `hess at ${k}`).toBeLessThan(1e-8);
      });
    }
  });
});

describe.each(typedSubjects.filter(({ spec }) => spec.root))("$title", ({ loss, Type }) => {
  it("has e/(N r) and 1/(N r) − e²/(N² r³) for its derivatives, weighted w e/(W r) and w/(W r) − (w e)²/(W² r³)", () => {
    const [prediction, target, weights] = [Type.of(3, 0, 1), Type.of(0, 4, 1), Type.of(2, 1, 5)];
    const close = Type === Float32Array ? 6 : 14;
    for (const w of [undefined, weights]) {
      const weight = w ? 8 : 3;
      const r = Math.sqrt((w ? 2 * 9 + 16 : 9 + 16) / weight);
      const { value, grad, hess } = loss.valueGradHess(prediction, target, { weights: w });
      expect(value).toBeCloseTo(r, close);
      [3, -4, 0].forEach((e, k) => {
        const own = w?.[k] ?? 1;
        expect(grad[k]).toBeCloseTo((own * e) / (weight * r), close);
        expect(hess[k]).toBeCloseTo(own / (weight * r) - (own * e) ** 2 / (weight ** 2 * r ** 3), close);
      });
    }
  });

  it("has derivatives of 0 at a perfect fit", () => {
    const fit = Type.of(1, 2, 3);
    expect(loss.valueGradHess(fit, fit.slice())).toEqual({ value: 0, grad: Type.of(0, 0, 0), hess: Type.of(0, 0, 0) });
  });

  it("neither overflows nor vanishes where its squares do", () => {
    const [huge, tiny] = Type === Float32Array ? [2 ** 126, 2 ** -140] : [2 ** 1022, 2 ** -1060];
    for (const unit of [huge, tiny]) {
      const prediction = Type.of(3 * unit, 0);
      const target = Type.of(0, unit);
      const root = Math.sqrt(5) * unit;
      const { value, grad } = loss.valueAndGrad(prediction, target);
      // Half a unit in the last place of the tiny ones is 2⁻¹⁵.
      expect(Math.abs(Number(value) / root - 1)).toBeLessThan(2 ** -14);
      expect(grad[0]).toBeCloseTo(3 / (2 * Math.sqrt(5)), 6);
      expect(grad[1]).toBeCloseTo(-1 / (2 * Math.sqrt(5)), 6);
      const total = loss.total(prediction, target);
      expect(total.weight).toBe(2);
    }
  });
});
