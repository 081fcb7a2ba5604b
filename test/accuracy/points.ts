/** Inputs that a loss may go wrong at, seeded: every exponent and its ends, where formulas change their way, and ordinary numbers. */
import * as losses from "../../src/losses/index.js";
import type { Parameter, Spec } from "../../src/spec.js";
import { random } from "../random.js";
import type { Loss, Settings } from "./cases.js";

export const specs: Readonly<Record<Loss, Spec>> = losses;

/** An element type: its numbers are multiples of 2^lowest, and below 2^(top + 1). */
export interface Format {
  readonly digits: number;
  readonly lowest: number;
  readonly top: number;
  /** Numbers of random digits from each exponent. */
  readonly each: number;
  round(x: number): number;
  /** The neighbour of a positive number, above it for 1 and below it for −1. */
  step(x: number, by: 1 | -1): number;
}

const view = new DataView(new ArrayBuffer(8));

export const float32: Format = {
  digits: 24,
  lowest: -149,
  top: 127,
  each: 10,
  round: Math.fround,
  step(x, by) {
    view.setFloat32(0, x);
    view.setInt32(0, view.getInt32(0) + by);
    return view.getFloat32(0);
  },
};

export const float64: Format = {
  digits: 53,
  lowest: -1074,
  top: 1023,
  each: 1,
  round: (x) => x,
  step(x, by) {
    view.setFloat64(0, x);
    view.setBigInt64(0, view.getBigInt64(0) + BigInt(by));
    return view.getFloat64(0);
  },
};

export type Kind = "residual" | "probability" | "logit";

export function kindOf({ predictions, targets }: Spec): Kind {
  if (targets === undefined) return "residual";
  return predictions === undefined ? "logit" : "probability";
}

/** All parameters of a loss, in the order in which the kernel reads them, as arrays of that type round them. */
export function parametersOf(loss: Loss, settings: Settings, { round }: Format): Settings {
  const rules: Readonly<Record<string, Parameter>> = { ...specs[loss].parameters };
  return Object.fromEntries(
    Object.entries(rules).map(([name, { default: usual }]) => {
      const value = name in settings ? settings[name] : usual;
      return [name, typeof value === "number" ? round(value) : null];
    }),
  );
}

/** In [0, 1), of 64 random bits. */
const fine = (draw: () => number) => draw() + draw() * 2 ** -32;

function neighbours(x: number, format: Format): number[] {
  const own = format.round(x);
  return [format.step(own, -1), own, format.step(own, 1)];
}

/** Powers of two with their neighbours, and between them numbers of random digits. */
function sweep(format: Format, low: number, high: number, draw: () => number): number[] {
  return Array.from({ length: high - low + 1 }, (_, k) => 2 ** (low + k)).flatMap((power) => [
    ...neighbours(power, format),
    ...Array.from({ length: format.each }, () => format.round(power * (1 + fine(draw)))),
  ]);
}

/** A number with its neighbours, and the way to it from both sides. */
function near(x: number, format: Format, draw: () => number): number[] {
  const way = [3, 6, 9, 12, 16, 20].flatMap((k) => [1 - fine(draw) * 2 ** -k, 1 + fine(draw) * 2 ** -k]);
  return [...neighbours(x, format), ...way.map((factor) => format.round(x * factor))];
}

/** Where an exponential takes one more turn. */
const turns = Array.from({ length: 40 }, (_, k) => (k + 0.5) * Math.LN2);

/** ¾ and 1, up to which a series serves; from 19 on, cosh e is e^|e|/2; further on e^(−2|e|) is no normal number, and 0. */
const hyperbolic = [0.75, 1, 19.1, 22.2, 43.7, 52, 75.2, 88, 329.3, 354.2, 355, 372.6, 683.7, 710.5];

/** From 17 and 37 on, e^−|x| is lost beside 1; further on it is no normal number, and 0. */
const exponential = [
  0.34, 16.6, 17.3, 36.04, 36.7, 37.4, 62.4, 87.3, 88.7, 103.3, 104, 658.5, 708.4, 709.8, 745.1, 1367.4,
];

/** Where logarithms split. */
const logarithmic = [0.25, 0.5, 0.75, ...[0, 1, 2, 3, 4].map((k) => Math.SQRT1_2 * 2 ** -k)];

/** Where ε² or e² is lost beside the other, as multiples of ε; where squares leave the normal numbers. */
const ratios = [0, 12, -12, 26, -26, 27, -27].map((k) => 2 ** k);
const squares = [60, -50, -63, 500, -400, -500, -511].map((k) => 2 ** k);

/** Where a formula changes its way, in the kernels or in the oracle; positive numbers. */
function branchesOf(loss: Loss, { delta, epsilon }: Settings): readonly number[] {
  switch (loss) {
    case "mae":
    case "mse":
      return [];
    case "huber":
      return [1, 0.5, 2].map((ratio) => (delta ?? 1) * ratio);
    case "logCosh":
      return [...hyperbolic, ...turns.map((x) => x / 2)];
    case "charbonnier":
      return [...squares, ...ratios.map((ratio) => (epsilon ?? 1) * ratio)];
    case "bce":
    case "focal":
      return [...logarithmic, epsilon ?? 0].flatMap((p) => [p, 1 - p]).filter((p) => p > 0 && p < 1);
    case "bceWithLogits":
    case "focalWithLogits":
      return [Math.LN2, ...exponential, ...turns];
  }
}

/** Numbers about the size of a parameter, twenty powers of two up and down. */
function about(settings: Settings, format: Format, draw: () => number): number[] {
  const sizes = [settings.delta, settings.epsilon].filter((size) => typeof size === "number");
  return sizes.flatMap((size) => Array.from({ length: 500 }, () => format.round(size * 2 ** (40 * fine(draw) - 20))));
}

/** Predictions of a loss with all its parameters given; all of them finite. */
export function predictionsOf(loss: Loss, settings: Settings, format: Format): number[] {
  const draw = random(seedOf(loss, settings));
  const ordinary = (low: number, high: number, n = 2000) =>
    Array.from({ length: n }, () => format.round(low + (high - low) * fine(draw)));
  const branches = branchesOf(loss, settings).flatMap((x) => near(x, format, draw));
  const magnitudes = [...branches, ...about(settings, format, draw)];
  if (kindOf(specs[loss]) === "probability") {
    const small = sweep(format, format.lowest, -1, draw);
    const large = sweep(format, -format.digits, -2, draw).flatMap((x) => neighbours(1 - x, format));
    const all = [0, 1, ...small, ...large, ...ordinary(0, 1), ...magnitudes];
    return all.filter((x) => x >= 0 && x <= 1);
  }
  const all = [...sweep(format, format.lowest, format.top, draw), ...ordinary(0, 10), ...ordinary(10, 1500, 500)];
  const signed = all.map((x) => (draw() < 0.5 ? -x : x));
  return [0, -0, ...signed, ...magnitudes, ...magnitudes.map((x) => -x)].filter((x) =>
    Number.isFinite(format.round(x)),
  );
}

/** Another one for each loss and setting. */
function seedOf(loss: Loss, settings: Settings): number {
  const text = loss + JSON.stringify(settings);
  return Array.from(text).reduce((seed, letter) => Math.imul(seed, 31) + (letter.codePointAt(0) ?? 0), 7) | 0;
}

export interface Pairs {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Targets that are not 0, at residuals that are exact: of two integers below 2^52, times one power of two. */
export function differences(loss: Loss, settings: Settings): Pairs {
  const draw = random(seedOf(loss, settings) + 1);
  const integer = () => Math.floor((2 * fine(draw) - 1) * 2 ** 52);
  const units = Array.from(
    { length: 2000 },
    (_, k) => 2 ** (k % 4 ? Math.floor(-55 + 12 * draw()) : Math.floor(-1074 + 2040 * draw())),
  );
  return { x: units.map((unit) => integer() * unit), y: units.map((unit) => integer() * unit) };
}

/** Soft labels to a part of the predictions: even ones, small ones, near 1, and those at which the two terms of the gradient cancel. */
export function softened(loss: Loss, settings: Settings, predictions: readonly number[]): Pairs {
  const draw = random(seedOf(loss, settings) + 2);
  const x = predictions.filter(() => draw() < 0.5);
  // A posWeight times a subnormal label has lost digits before it meets the logit: the README excepts them.
  const deepest = (settings.posWeight ?? 1) === 1 ? 1074 : 1000;
  const y = x.map((own) => {
    const p = kindOf(specs[loss]) === "probability" ? own : 1 / (1 + Math.exp(-own));
    const small = (1 + fine(draw)) * 2 ** Math.floor(-1 - deepest * draw());
    const large = 1 - fine(draw) * 2 ** Math.floor(-53 * draw());
    const kinds = [0.5, fine(draw), fine(draw) ** 8, small, large, p * (1 + draw() * 2 ** (-50 * draw()))];
    return Math.min(kinds[Math.floor(kinds.length * draw())] ?? 0, 1);
  });
  return { x, y };
}
