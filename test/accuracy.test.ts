/** The kernels against the reference, in units of the last place, over every magnitude that a number can have. */
import { describe, expect, it } from "vitest";
import type { Spec } from "../src/spec.js";
import { bound, results, rounded, ulps } from "./bits.js";
import type { Floats, FloatsConstructor, Settings } from "./implementations.js";
import { implementations, lossesOf, middles, names, rulesOf, specs, types } from "./implementations.js";
import { fill, random } from "./random.js";

const wasm = lossesOf(implementations.wasm);
const reference = lossesOf(implementations.reference);

/** Evenly spread bit patterns of either sign: as many predictions of each exponent. */
const patterns32 = Float32Array.from({ length: 2 ** 15 }, (_, k) => float32((k * 0x1fffb + 3) >>> 0));

function float32(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return view.getFloat32(0);
}

/** Every exponent of float64, and as many again around 1. */
function draws64(): Float64Array {
  const draw = random(21);
  const sign = () => (draw() < 0.5 ? -1 : 1);
  return Float64Array.from({ length: 2 ** 14 }, (_, k) => {
    const exponent = k % 2 ? -1074 + (k * 2097) / 2 ** 14 : 20 * draw() - 14;
    return sign() * 2 ** Math.floor(exponent) * (1 + draw());
  });
}

const magnitudes: Record<string, Floats> = { Float32Array: patterns32, Float64Array: draws64() };

/** Those that the loss takes: of probabilities, both small ones and their distances from 1. */
function predictionsOf({ predictions }: Spec, Type: FloatsConstructor): Floats {
  const all = (magnitudes[Type.name] ?? new Type(0)).filter((x) => Number.isFinite(x));
  if (predictions === undefined) return all;
  const small = all.map(Math.abs).filter((x) => x <= 1);
  return fill(Type, small.length, (k) => (k % 2 ? 1 - (small[k] ?? 0) : (small[k] ?? 0)));
}

/** Of residual losses 0, at which e = x exactly; else labels, and where they are taken soft targets. */
function targetsOf({ targets, labels }: Spec): Record<string, (k: number) => number> {
  if (targets === undefined) return { "target 0": () => 0 };
  const hard = { "target 0": () => 0, "target 1": () => 1 };
  if (labels) return hard;
  const draw = random(22);
  return { ...hard, "soft targets": () => draw() ** 4 };
}

/** What errors are measured by: the result itself or, where terms of opposite sign may cancel, the largest of them. */
function scalesOf(
  spec: Spec,
  x: Float64Array,
  y: Float64Array,
  settings: Settings,
): readonly ((k: number) => number)[] {
  const none = [() => 0, () => 0, () => 0];
  if (spec.targets === undefined) return none;
  if (spec.name === "focalWithLogits") return [() => 0, () => 0, (k) => bendOf(x[k] ?? NaN, y[k] ?? NaN, settings)];
  if (spec.labels) return none;
  // Linear in the target: (1 − y)ℓ(0) + yℓ(1).
  const smoothing = settings.labelSmoothing ?? 0;
  const plain = "labelSmoothing" in settings ? { ...settings, labelSmoothing: 0 } : settings;
  const loss = reference[spec.name === "bce" ? "bce" : "bceWithLogits"];
  const of = (label: number) =>
    loss.valueGradHess(x, new Float64Array(x.length).fill(label), { ...plain, reduction: "none" });
  const [absent, present] = [of(0), of(1)];
  return results.map((name) => (k) => {
    const share = (y[k] ?? NaN) * (1 - smoothing) + smoothing / 2;
    const terms = [(1 - share) * (absent[name][k] ?? NaN), share * (present[name][k] ?? NaN)];
    return Math.max(...terms.map((term) => Math.abs(term) || 0));
  });
}

/** The largest term of focalWithLogits″, α_t p (1 − p)^γ (γ²pL − γ(1 − p)L + (2γ + 1)(1 − p)), L = −log p. */
function bendOf(x: number, y: number, { alpha = 0.25, gamma = 2 }: Settings): number {
  const z = Math.max(-1500, Math.min(1500, y === 1 ? x : -x));
  const [p, q] = [1 / (1 + Math.exp(-z)), 1 / (1 + Math.exp(z))];
  const loss = Math.max(-z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  const balance = alpha === null ? 1 : y === 1 ? alpha : 1 - alpha;
  const focus = gamma ?? 0;
  return balance * p * q ** focus * Math.max(focus ** 2 * p * loss, focus * q * loss, (2 * focus + 1) * q);
}

describe.each(types.map((Type) => ({ type: Type.name, Type })))("$type", ({ Type }) => {
  const cases = names
    .filter((name) => !specs[name].root)
    .flatMap((name) =>
      middles(specs[name]).flatMap((settings) =>
        Object.entries(targetsOf(specs[name])).map(([targets, at]) => ({
          title: `${name} ${JSON.stringify(settings)}, ${targets}`,
          name,
          settings,
          at,
        })),
      ),
    );

  it.each(cases)("$title", ({ name, settings, at }) => {
    const spec = specs[name];
    const x = predictionsOf(spec, Type);
    const y = fill(Type, x.length, at);
    const [wideX, wideY] = [Float64Array.from(x), Float64Array.from(y)];
    const parameters = Object.fromEntries(
      rulesOf(spec).map(([key, { default: usual }]) => {
        const value = key in settings ? (settings[key] ?? null) : usual;
        return [key, value === null ? null : rounded(Type, value)];
      }),
    );
    const got = wasm[name].valueGradHess(x, y, { ...settings, reduction: "none" });
    const right = reference[name].valueGradHess(wideX, wideY, { ...parameters, reduction: "none" });
    // In float64 each of the two has its own error, in float32 the reference has next to none.
    const most = bound(name, Type) * (Type === Float32Array ? 1 : 2);
    const scales = scalesOf(spec, wideX, wideY, parameters);
    results.forEach((result, j) => {
      let worst = { error: 0, what: "" };
      right[result].forEach((expected, k) => {
        const exact = Number.isFinite(rounded(Type, expected)) ? expected : rounded(Type, expected);
        const error = ulps(Type, got[result][k] ?? NaN, exact, scales[j]?.(k));
        if (error <= worst.error) return;
        worst = {
          error,
          what: `${name}.${result}(${x[k]}, ${y[k]}) is ${got[result][k]}, expected ${expected}: ${error} ULP`,
        };
      });
      if (worst.error > most) expect.fail(`${worst.what}, more than ${most}`);
    });
  });
});

describe("the reference", () => {
  it("has second derivatives of x − y as it is, not as it is rounded", () => {
    // 30 − y rounds to 30, and sech²(30 − y) = sech²(30) e^2y but for 10⁻²⁶.
    const y = 3 * 2 ** -51;
    const [near = NaN, at = NaN] = reference.logCosh.valueGradHess([30, 30], [y, 0], { reduction: "none" }).hess;
    expect(30 - y).toBe(30);
    expect(ulps(Float64Array, near, at * Math.exp(2 * y))).toBeLessThanOrEqual(2);
  });
});
