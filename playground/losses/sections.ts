/** Every loss as curves over one number: a line through the space of its predictions, along which it is seen. */
import type { Loss } from "simdloss";
import { gaussian, seeded } from "../../examples/random.js";
import * as rowSpecs from "../../src/losses/divergence.js";
import * as elementSpecs from "../../src/losses/index.js";
import * as imageSpecs from "../../src/losses/reconstruction.js";
import type { Parameter, RowSpec, Spec } from "../../src/spec.js";
import type { Losses } from "../shell/losses.js";

/** What a slider sets. */
export interface Setting {
  readonly label: string;
  readonly usual: number | null;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** Equal ratios lie equally far apart. */
  readonly logarithmic?: boolean;
  /** What `null` means, where it may be chosen. */
  readonly off?: string;
  /** What its whole numbers stand for. */
  readonly names?: readonly string[];
}

export type Settings = Readonly<Record<string, number | null>>;

/** At each x; derivatives by x where the loss has them. */
export interface Curve {
  readonly value: ArrayLike<number>;
  readonly grad?: ArrayLike<number>;
  readonly hess?: ArrayLike<number>;
}

export const groups = ["residuals", "labels", "rows", "images"] as const;
export type Group = (typeof groups)[number];

export interface Section {
  readonly name: string;
  readonly group: Group;
  readonly source: string;
  /** What x is, and what the loss is seen for. */
  readonly axis: string;
  readonly given: string;
  readonly domain: string;
  readonly from: number;
  readonly to: number;
  /** The loss's parameters, by their names, and what else the loss is given. */
  readonly settings: Readonly<Record<string, Setting>>;
  /** Where the curves may turn sharply. */
  corners(settings: Settings): readonly number[];
  curve(losses: Losses, x: Float64Array, settings: Settings): Curve;
  /** The call that gives the curves' heights at x. */
  call(x: number, settings: Settings): string;
}

type ElementName = keyof typeof elementSpecs;
type RowName = keyof typeof rowSpecs;
const specsOfElements: Readonly<Record<ElementName, Spec>> = elementSpecs;
const specsOfRows: Readonly<Record<RowName, RowSpec>> = rowSpecs;

type Parameters = Readonly<Record<string, Parameter>>;

/** What the formulas call them. */
const letters: Readonly<Record<string, string>> = {
  alpha: "α",
  gamma: "γ",
  delta: "δ",
  epsilon: "ε",
  posWeight: "P",
  labelSmoothing: "s",
  temperature: "T",
};

/** Of an endless range, what is of use around the default. */
function settingOf(name: string, { default: usual, above, from = 0, below, to, off }: Parameter): Setting {
  const label = letters[name] === undefined ? name : `${letters[name]}, ${name}`;
  const common = { label, usual, ...(off !== undefined && { off }) };
  const end = below === undefined ? to : 0.98 * below;
  if (usual !== null && usual > 0 && usual < 1e-3)
    return { ...common, from: 1e-9, to: end ?? 1, step: 0, logarithmic: true };
  if (above !== undefined && usual !== null)
    return { ...common, from: usual / 20, to: usual * 20, step: 0, logarithmic: true };
  return { ...common, from, to: end ?? 5, step: 0.01 };
}

function settingsOf(parameters: Parameters): Record<string, Setting> {
  return Object.fromEntries(Object.entries(parameters).map(([name, rule]) => [name, settingOf(name, rule)]));
}

const slider = (label: string, usual: number, from: number, to: number, step = 0.05): Setting => ({
  label,
  usual,
  from,
  to,
  step,
});

/** Those that are the loss's parameters, as its options. */
function optionsOf(parameters: Parameters, settings: Settings): Record<string, number | null> {
  return Object.fromEntries(Object.keys(parameters).map((name) => [name, settings[name] ?? null]));
}

/** What differs from the defaults, as one would write it. */
function written(parameters: Parameters, settings: Settings): readonly string[] {
  return Object.entries(parameters)
    .filter(([name, rule]) => settings[name] !== rule.default)
    .map(([name]) => `${name}: ${settings[name]}`);
}

const at = (settings: Settings, name: string): number => settings[name] ?? 0;

/** Losses of elements without their parameters' names, to be looked up by their own. */
function elementsOf(losses: Losses): Readonly<Record<ElementName, Loss>> {
  return losses;
}

function element(name: ElementName): Section {
  const spec = specsOfElements[name];
  const parameters: Parameters = { ...spec.parameters };
  const labelled = spec.targets !== undefined;
  const [from, to] = spec.predictions ?? (labelled ? [-6, 6] : [-4, 4]);
  const y = labelled
    ? slider(spec.labels ? "y, the label" : "y, the target", 1, 0, 1, spec.labels ? 1 : 0.01)
    : slider("y, the target", 0, -3, 3);
  return {
    name,
    group: labelled ? "labels" : "residuals",
    source: spec.source,
    axis: spec.predictions ? "x, a probability" : labelled ? "x, a logit" : "x, the prediction",
    given: spec.root ? "for two predictions: x, and one whose error has a slider" : "for one prediction",
    domain: [
      spec.predictions ? `x in [${spec.predictions.join(", ")}]` : "x any number",
      spec.targets ? (spec.labels ? "y is 0 or 1" : "y in [0, 1]") : "y any number",
    ].join(", "),
    from,
    to,
    settings: {
      ...settingsOf(parameters),
      y,
      ...(spec.root && { other: slider("the other prediction's error", 1, 0, 3) }),
    },
    corners: (settings) => (spec.predictions ? [0, 1] : labelled ? [] : [at(settings, "y")]),
    curve(losses, x, settings) {
      const loss = elementsOf(losses)[name];
      const y = at(settings, "y");
      if (!spec.root)
        return loss.valueGradHess(x, new Float64Array(x.length).fill(y), {
          ...optionsOf(parameters, settings),
          reduction: "none",
        });
      const points = Array.from(x, (one) => loss.valueGradHess([one, y + at(settings, "other")], [y, y]));
      return {
        value: points.map(({ value }) => Number(value)),
        grad: points.map(({ grad: [first = Number.NaN] }) => first),
        hess: points.map(({ hess: [first = Number.NaN] }) => first),
      };
    },
    call(x, settings) {
      const y = at(settings, "y");
      const [prediction, target] = spec.root
        ? [
            [x, y + at(settings, "other")],
            [y, y],
          ]
        : [[x], [y]];
      return called(name, "valueGradHess", list(prediction), list(target), ...written(parameters, settings));
    },
  };
}

interface Derivatives {
  readonly mean: Float64Array;
  readonly logVariance: Float64Array;
}

/** What is asked of losses of rows here. */
interface Rows {
  valueGradHess(
    prediction: Float64Array,
    target: Float64Array,
    options: Readonly<Record<string, unknown>>,
  ): {
    readonly value: number | Float64Array;
    readonly grad: Float64Array | Derivatives;
    readonly hess: Float64Array | Derivatives;
  };
}

function isRows(loss: object): loss is Rows {
  return "valueGradHess" in loss;
}

function rowsOf(losses: Losses, name: RowName): Rows {
  const loss = losses[name];
  if (!isRows(loss)) throw new Error(`${name}: it must have a second derivative`);
  return loss;
}

/** A row of two: x and another number. The other array's row is a distribution, or a number and 0. */
function rows(name: RowName): Section {
  const spec = specsOfRows[name];
  const parameters: Parameters = { ...spec.parameters };
  if (spec.both) return bothArrays(name, spec);
  const [first, second] = spec.arrays;
  const probabilities = spec.predictions === "positive";
  const distribution = spec.targets === "positive";
  const targetOf = (y: number): readonly number[] => [y, distribution ? rounded(1 - y) : 0];
  return {
    name,
    group: "rows",
    source: spec.source,
    axis: `x, the first of the row's ${probabilities ? "probabilities" : "logits"}`,
    given: `for a row of two; the ${second} are ${distribution ? "y and 1 − y" : "y and 0"}`,
    domain: `${first} ${probabilities ? "≥ 0" : "any numbers"}, ${second} ${distribution ? "≥ 0" : "any numbers"}`,
    from: probabilities ? 0 : -6,
    to: probabilities ? 1 : 6,
    settings: {
      ...settingsOf(parameters),
      y: distribution
        ? slider("y, the first class's target", 1, 0, 1, 0.01)
        : slider(`y, the first of the ${second}`, 2, -6, 6),
      other: probabilities ? slider("the second probability", 0.5, 0, 1, 0.01) : slider("the second logit", 0, -6, 6),
    },
    corners: () => (probabilities ? [0, 1] : []),
    curve(losses, x, settings) {
      const prediction = Float64Array.from({ length: 2 * x.length }, (_, k) =>
        k % 2 === 0 ? (x[k / 2] ?? 0) : at(settings, "other"),
      );
      const [one = 0, two = 0] = targetOf(at(settings, "y"));
      const target = prediction.map((_, k) => (k % 2 === 0 ? one : two));
      const options = { ...optionsOf(parameters, settings), [spec.length]: 2, reduction: "none" };
      const { value, grad, hess } = rowsOf(losses, name).valueGradHess(prediction, target, options);
      return { value: many(value), grad: evens(grad), hess: evens(hess) };
    },
    call(x, settings) {
      return called(
        name,
        "valueGradHess",
        list([x, at(settings, "other")]),
        list(targetOf(at(settings, "y"))),
        `${spec.length}: 2`,
        ...written(parameters, settings),
      );
    },
  };
}

/** Rows of one number in either array, each with derivatives; x is one of them, y the other. */
function bothArrays(name: RowName, spec: RowSpec): Section {
  const arrays = spec.arrays;
  const pair = (x: number, settings: Settings): readonly [number, number] =>
    at(settings, "along") === 0 ? [x, at(settings, "y")] : [at(settings, "y"), x];
  return {
    name,
    group: "rows",
    source: spec.source,
    axis: "x, one of the two",
    given: `for a row of one: its ${arrays.join(" and its ")}`,
    domain: `${arrays.join(" and ")} any numbers`,
    from: -4,
    to: 4,
    settings: {
      along: { ...slider("x is the", 0, 0, 1, 1), names: arrays },
      y: slider("y, the other of the two", 0, -4, 4),
    },
    corners: () => [],
    curve(losses, x, settings) {
      const pairs = Array.from(x, (one) => pair(one, settings));
      const [mean, logVariance] = [0, 1].map((place) => Float64Array.from(pairs, (both) => both[place] ?? 0));
      if (mean === undefined || logVariance === undefined) throw new Error(`${name}: there are two arrays`);
      const options = { [spec.length]: 1, reduction: "none" };
      const { value, grad, hess } = rowsOf(losses, name).valueGradHess(mean, logVariance, options);
      const along = at(settings, "along") === 0 ? "mean" : "logVariance";
      if ("length" in grad || "length" in hess) throw new Error(`${name}: there are derivatives by both arrays`);
      return { value: many(value), grad: grad[along], hess: hess[along] };
    },
    call(x, settings) {
      const [mean, logVariance] = pair(x, settings);
      return called(name, "valueGradHess", list([mean]), list([logVariance]), `${spec.length}: 1`);
    },
  };
}

/** A pattern, and noise that x is the amplitude of. */
const side = 16;
const pattern = Float64Array.from({ length: side * side }, (_, k) => {
  const [row, column] = [Math.floor(k / side), k % side];
  return 0.5 + 0.4 * Math.sin(row / 2) * Math.cos(column / 3);
});
const random = seeded(1);
const noise = pattern.map(() => gaussian(random));
const noisy = (amplitude: number): Float64Array => pattern.map((pixel, k) => pixel + amplitude * (noise[k] ?? 0));

const image = {
  group: "images",
  corners: () => [],
} as const;

const psnr: Section = {
  ...image,
  name: "psnr",
  source: imageSpecs.psnr.source,
  axis: "x, the error of every pixel",
  given: "for an image whose pixels are all off by x",
  domain: "pixels any numbers",
  from: 0,
  to: 1,
  settings: settingsOf(imageSpecs.psnr.parameters),
  curve: (losses, x, settings) => ({
    value: Array.from(x, (error) => losses.psnr([error], [0], { peak: at(settings, "peak") })),
  }),
  call: (x, settings) => called("psnr", "", list([x]), list([0]), ...written(imageSpecs.psnr.parameters, settings)),
};

const ssim: Section = {
  ...image,
  name: "ssim",
  source: imageSpecs.ssim.source,
  axis: "x, the amplitude of the noise",
  given: `for a pattern of ${side}×${side} pixels under noise, and the pattern; the gradient is by x, along the noise`,
  domain: "pixels any numbers",
  from: -0.6,
  to: 0.6,
  settings: settingsOf(imageSpecs.ssim.parameters),
  curve(losses, x, settings) {
    const options = { width: side, height: side, peak: at(settings, "peak") };
    const points = Array.from(x, (amplitude) => losses.ssim.valueAndGrad(noisy(amplitude), pattern, options));
    return {
      value: points.map(({ value }) => value),
      grad: points.map(({ grad }) => grad.reduce((sum, slope, k) => sum + slope * (noise[k] ?? 0), 0)),
    };
  },
  call: (_, settings) =>
    called(
      "ssim",
      "valueAndGrad",
      "noisy",
      "clean",
      `width: ${side}`,
      `height: ${side}`,
      ...written(imageSpecs.ssim.parameters, settings),
    ),
};

/** Two layers of one feature each: one that follows x, and one that is twice as steep and elsewhere at its target. */
const layers = (x: number): readonly Float64Array[] => [Float64Array.of(x), Float64Array.of(2 * x - 1)];
const targets: readonly Float64Array[] = [Float64Array.of(0), Float64Array.of(1)];
const weightsOf = (settings: Settings): readonly number[] => [at(settings, "first"), at(settings, "second")];

const perceptual: Section = {
  ...image,
  name: "perceptual",
  source: imageSpecs.perceptual.source,
  axis: "x, which the features follow",
  given: "for two layers of one feature: x, whose target is 0, and 2x − 1, whose target is 1",
  domain: "features any numbers",
  from: -2,
  to: 3,
  settings: {
    first: slider("λ₁, the first layer's weight", 1, 0, 3),
    second: slider("λ₂, the second layer's weight", 1, 0, 3),
  },
  corners: () => [0, 1],
  curve(losses, x, settings) {
    const layerWeights = weightsOf(settings);
    const points = Array.from(x, (one) => losses.perceptual.valueAndGrad(layers(one), targets, { layerWeights }));
    return {
      value: points.map(({ value }) => Number(value)),
      grad: points.map(({ grad: [first, second] }) => (first?.[0] ?? Number.NaN) + 2 * (second?.[0] ?? Number.NaN)),
    };
  },
  call: (x, settings) =>
    called(
      "perceptual",
      "valueAndGrad",
      `[${layers(x).map(list)}]`,
      `[${targets.map(list)}]`,
      `layerWeights: ${list(weightsOf(settings))}`,
    ),
};

function many(value: number | Float64Array): Float64Array {
  return typeof value === "number" ? Float64Array.of(value) : value;
}

function evens(derivative: Float64Array | Derivatives): Float64Array {
  if (!("length" in derivative)) throw new Error("there is a derivative by one array");
  return derivative.filter((_, k) => k % 2 === 0);
}

function called(
  name: string,
  method: string,
  prediction: string,
  target: string,
  ...options: readonly string[]
): string {
  const rest = options.length === 0 ? "" : `, { ${options.join(", ")} }`;
  return `${name}${method && `.${method}`}(${prediction}, ${target}${rest})`;
}

const list = (numbers: ArrayLike<number>): string => `[${Array.from(numbers, rounded).join(", ")}]`;

/** Without the dust of binary fractions. */
function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

const isElement = (name: string): name is ElementName => name in elementSpecs;
const isOfRows = (name: string): name is RowName => name in rowSpecs;

export const sections: readonly Section[] = [
  ...Object.keys(elementSpecs).filter(isElement).map(element),
  ...Object.keys(rowSpecs).filter(isOfRows).map(rows),
  psnr,
  ssim,
  perceptual,
];
