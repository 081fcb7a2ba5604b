/** What is proved: every loss of elements and every vector function, with which settings, labels and inputs, and within which bounds. */
import type * as losses from "../../src/losses/index.js";

export type Loss = Exclude<keyof typeof losses, "rmse">;
export type Settings = Readonly<Record<string, number | null>>;

export const results = ["value", "grad", "hess"] as const;

/** Bits of consecutive float32s. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

export interface Case {
  /** The defaults, and two more settings of each parameter at least. */
  readonly settings: readonly Settings[];
  readonly targets: readonly number[];
  readonly predictions: readonly Range[];
  /** ULPs. */
  readonly bound: number;
}

/** From 0 on; from −0 on. */
const upTo = (end: number): Range => ({ first: 0, count: bitsOf(end) + 1 });
const downTo = (end: number): Range => ({ first: 0x80000000, count: bitsOf(-end) + 1 });

export function bitsOf(x: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getUint32(0);
}

const all: readonly Range[] = [{ first: 0, count: 2 ** 32 }];
const probabilities: readonly Range[] = [upTo(1), downTo(-0)];
const residual = { targets: [0], predictions: all, bound: 2 };
const logit = { targets: [0, 1], predictions: all };
const probability = { targets: [0, 1], predictions: probabilities };

export const cases: Readonly<Record<Loss, Case>> = {
  mae: { ...residual, settings: [{}] },
  mse: { ...residual, settings: [{}] },
  huber: { ...residual, settings: [{}, { delta: 0.1 }, { delta: 1e4 }] },
  logCosh: { ...residual, settings: [{}] },
  charbonnier: { ...residual, settings: [{}, { epsilon: 1e-3 }, { epsilon: 1 }] },
  bce: { ...probability, settings: [{}, { epsilon: 0 }, { epsilon: 1e-3 }], bound: 2 },
  bceWithLogits: {
    ...logit,
    settings: [{}, { posWeight: 0.3 }, { labelSmoothing: 0.5 }, { posWeight: 7, labelSmoothing: 0.1 }],
    bound: 2,
  },
  focal: {
    ...probability,
    settings: [{}, { alpha: null, gamma: 0.5, epsilon: 0 }, { alpha: 0.75, gamma: 5, epsilon: 1e-3 }],
    bound: 4,
  },
  focalWithLogits: {
    ...logit,
    settings: [{}, { alpha: null, gamma: 0.5 }, { alpha: 0.75, gamma: 5 }],
    bound: 4,
  },
};

export const lossNames = Object.keys(cases).filter((name): name is Loss => name in cases);

/** The vector functions of assembly/math.ts, by their place in oracle/functions.ts: the inputs and the bounds that stand above each of them. */
export const functions = {
  exp: { inputs: [upTo(88), downTo(-176)], bound: 1.03 },
  expm1: { inputs: [upTo(0.3465), downTo(-0.3465)], bound: 1.08 },
  log: { inputs: [upTo(3.4028234663852886e38)], bound: 0.96 },
  log1p: { inputs: [upTo(1)], bound: 1.33 },
  log1m: { inputs: [upTo(0.5)], bound: 1.01 },
  share: { inputs: [upTo(1)], bound: 1.01 },
  bell: { inputs: [upTo(1)], bound: 0.5 },
} as const satisfies Readonly<Record<string, { readonly inputs: readonly Range[]; readonly bound: number }>>;

export type FunctionName = keyof typeof functions;
export const functionNames = Object.keys(functions).filter((name): name is FunctionName => name in functions);

/** What is scanned. */
export type Name = Loss | FunctionName;
export const names: readonly Name[] = [...lossNames, ...functionNames];

export function isLoss(name: Name): name is Loss {
  return name in cases;
}

export function inputsOf(name: Name): readonly Range[] {
  return isLoss(name) ? cases[name].predictions : functions[name].inputs;
}

export function boundOf(name: Name): number {
  return isLoss(name) ? cases[name].bound : functions[name].bound;
}
