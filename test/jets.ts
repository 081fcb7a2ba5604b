/** A number with its first two derivatives by one variable, and the losses' values in them: a third derivation, by the chain rule alone. */
import type { Name } from "./implementations.js";

export type Jet = readonly [value: number, first: number, second: number];

export const variable = (x: number): Jet => [x, 1, 0];
const constant = (c: number): Jet => [c, 0, 0];

const add = (a: Jet, b: Jet): Jet => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const multiply = (a: Jet, b: Jet): Jet => [
  a[0] * b[0],
  a[1] * b[0] + a[0] * b[1],
  a[2] * b[0] + 2 * a[1] * b[1] + a[0] * b[2],
];
const times = (c: number, a: Jet): Jet => multiply(constant(c), a);
const minus = (a: Jet, b: Jet): Jet => add(a, times(-1, b));

/** f(a), of the values that f, f′ and f″ have there. */
const chain = ([, first, second]: Jet, f: number, f1: number, f2: number): Jet => [
  f,
  f1 * first,
  f2 * first * first + f1 * second,
];
const log = (a: Jet): Jet => chain(a, Math.log(a[0]), 1 / a[0], -1 / a[0] ** 2);
const exp = (a: Jet): Jet => chain(a, Math.exp(a[0]), Math.exp(a[0]), Math.exp(a[0]));
const cosh = (a: Jet): Jet => chain(a, Math.cosh(a[0]), Math.sinh(a[0]), Math.cosh(a[0]));
const abs = (a: Jet): Jet => chain(a, Math.abs(a[0]), Math.sign(a[0]), 0);
const power = (a: Jet, n: number): Jet => chain(a, a[0] ** n, n * a[0] ** (n - 1), n * (n - 1) * a[0] ** (n - 2));
const sigmoid = (a: Jet): Jet => power(add(constant(1), exp(times(-1, a))), -1);

const crossEntropy = (p: Jet, positive: number, negative: number): Jet =>
  times(-1, add(times(positive, log(p)), times(negative, log(minus(constant(1), p)))));

const focalLoss = (p: Jet, y: number, alpha: number, gamma: number): Jet => {
  const right = y === 1 ? p : minus(constant(1), p);
  const balance = Number.isNaN(alpha) ? 1 : y === 1 ? alpha : 1 - alpha;
  return times(-balance, multiply(power(minus(constant(1), right), gamma), log(right)));
};

/** Of probabilities within [ε, 1 − ε]; of `rmse`, what goes under the root. A parameter that is switched off is NaN. */
export const formulas: Record<Name, (x: Jet, y: number, parameter: (name: string) => number) => Jet> = {
  mae: (x, y) => abs(minus(x, constant(y))),
  mse: (x, y) => power(minus(x, constant(y)), 2),
  rmse: (x, y) => power(minus(x, constant(y)), 2),
  huber: (x, y, parameter) => {
    const e = minus(x, constant(y));
    const delta = parameter("delta");
    return Math.abs(e[0]) <= delta ? times(0.5, power(e, 2)) : times(delta, minus(abs(e), constant(delta / 2)));
  },
  logCosh: (x, y) => log(cosh(minus(x, constant(y)))),
  charbonnier: (x, y, parameter) =>
    power(add(power(minus(x, constant(y)), 2), constant(parameter("epsilon") ** 2)), 0.5),
  bce: (x, y) => crossEntropy(x, y, 1 - y),
  bceWithLogits: (x, y, parameter) => {
    const smoothing = parameter("labelSmoothing");
    const smooth = y * (1 - smoothing) + smoothing / 2;
    return crossEntropy(sigmoid(x), parameter("posWeight") * smooth, 1 - smooth);
  },
  focal: (x, y, parameter) => focalLoss(x, y, parameter("alpha"), parameter("gamma")),
  focalWithLogits: (x, y, parameter) => focalLoss(sigmoid(x), y, parameter("alpha"), parameter("gamma")),
};
