/** The rows that the losses of rows are proved on, by kind; all of them seeded. */

export type Draw = () => number;
/** How many rows, and how long. */
export type Shape = readonly [rows: number, length: number];
export type TypeName = "float32" | "float64";

interface Shaped {
  readonly name: string;
  readonly shapes: readonly Shape[];
}

/** Logits. */
export interface Category extends Shaped {
  /** The k-th row of a shape. */
  row(draw: Draw, length: number, k: number): readonly number[];
}

/** Predictions and targets. */
export interface PairCategory<O extends object = object> extends Shaped {
  readonly options: O;
  rows(draw: Draw, length: number, k: number, type: TypeName): readonly [readonly number[], readonly number[]];
}

/** Side by side in the kernels, or in a line. */
const usual: readonly Shape[] = [
  [24, 3],
  [24, 10],
  [8, 67],
  [4, 200],
];
const fewer = usual.slice(0, 3);

const several = (length: number, one: () => number): number[] => Array.from({ length }, one);
const within = (draw: Draw, most: number): number => most * (2 * draw() - 1);
const spread = (draw: Draw, length: number, most: number): number[] => several(length, () => within(draw, most));
const topOf = (row: readonly number[]): number => row.indexOf(row.reduce((a, b) => Math.max(a, b)));

/** One entry is above all others, by 10 to 60. */
function leading(draw: Draw, length: number): number[] {
  const row = spread(draw, length, 3);
  row[Math.floor(draw() * length)] = 13 + 47 * draw();
  return row;
}

/** Some entries are −Infinity, never all of them. */
function without(draw: Draw, length: number): number[] {
  const gone = 0.2 + 0.7 * draw();
  const kept = Math.floor(draw() * length);
  return spread(draw, length, 8).map((x, k) => (k !== kept && draw() < gone ? -Infinity : x));
}

const common: readonly Category[] = [
  { name: "random, ±8", shapes: usual, row: (draw, length) => spread(draw, length, 8) },
  { name: "confident, gaps 10…60", shapes: usual, row: leading },
  {
    name: "shifted by ±10 000",
    shapes: usual,
    row: (draw, length, k) => spread(draw, length, 8).map((x) => x + (k % 2 ? 1e4 : -1e4)),
  },
  { name: "large, ±10 000", shapes: usual, row: (draw, length) => spread(draw, length, 1e4) },
  {
    name: "equal",
    shapes: usual,
    row: (draw, length) => new Array<number>(length).fill(within(draw, 1e4)),
  },
  { name: "−Infinity among them", shapes: usual, row: without },
  { name: "tiny, ±1e-30", shapes: usual, row: (draw, length) => spread(draw, length, 1e-30) },
];

const long = (name: string, shape: Shape): Category => ({
  name,
  shapes: [shape],
  row: (draw, length, k) => (k % 2 ? leading(draw, length) : spread(draw, length, 8)),
});

export const logits: readonly Category[] = [
  ...common,
  {
    name: "two classes",
    shapes: [[96, 2]],
    row: (draw) => {
      const [x, gap] = [within(draw, 10), 10 ** (9 * draw() - 6)];
      return draw() < 0.5 ? [x, x + gap] : [x + gap, x];
    },
  },
  long("5003 classes", [2, 5003]),
  long("50 257 classes", [2, 50_257]),
  long("100 000 classes", [1, 100_000]),
];

function normalised(row: readonly number[]): number[] {
  const total = row.reduce((sum, x) => sum + x, 0);
  return row.map((x) => x / total);
}

/** Of probabilities, some of which may be 0. */
function distribution(draw: Draw, length: number, zeros: number): number[] {
  const row = several(length, () => (draw() < zeros ? 0 : 2 ** (10 * draw())));
  if (!row.some((x) => x > 0)) row[0] = 1;
  return normalised(row);
}

function softmax(row: readonly number[]): number[] {
  const most = row.reduce((a, b) => Math.max(a, b));
  return normalised(row.map((x) => Math.exp(x - most)));
}

/** Relatively, by 1e-8 to 1e-2. */
function near(draw: Draw, row: readonly number[]): number[] {
  const apart = 10 ** (6 * draw() - 8);
  return row.map((x) => x * (1 + within(draw, apart)));
}

/** A distribution over the classes that are not out of the question. */
function possible(p: readonly number[], row: readonly number[]): number[] {
  const left = p.map((share, c) => (row[c] === -Infinity ? 0 : share));
  return left.some((share) => share > 0) ? normalised(left) : softmax(row);
}

/** Anything, the row's own probabilities but for a little, or a class that has nearly all of it. */
export function softTarget(draw: Draw, row: readonly number[], k: number): number[] {
  const any = distribution(draw, row.length, 0.2);
  if (k % 3 === 0) return possible(any, row);
  if (k % 3 === 1) return near(draw, softmax(row));
  const top = topOf(row);
  return possible(
    any.map((p, c) => 0.1 * p + (c === top ? 0.9 : 0)),
    row,
  );
}

/** The leading class, or in every other row any that is not out of the question. */
export function labelOf(draw: Draw, row: readonly number[], k: number): number {
  const label = Math.floor(draw() * row.length);
  return k % 2 && row[label] !== -Infinity ? label : topOf(row);
}

export const distributions: readonly PairCategory<{ readonly epsilon?: number }>[] = [
  {
    name: "random",
    shapes: fewer,
    options: {},
    rows: (draw, length) => [distribution(draw, length, 0), distribution(draw, length, 0)],
  },
  {
    name: "near-equal, by 1e-8…1e-2",
    shapes: fewer,
    options: {},
    rows: (draw, length) => {
      const p = distribution(draw, length, 0);
      return [normalised(near(draw, p)), p];
    },
  },
  {
    name: "equal",
    shapes: fewer,
    options: {},
    rows: (draw, length) => {
      const p = distribution(draw, length, 0);
      return [p, p];
    },
  },
  {
    name: "unnormalised",
    shapes: fewer,
    options: {},
    rows: (draw, length) => [
      distribution(draw, length, 0).map((p) => 3 * p),
      distribution(draw, length, 0.2).map((p) => p / 7),
    ],
  },
  {
    name: "confident, to e⁻⁶⁰",
    shapes: fewer,
    options: { epsilon: 0 },
    rows: (draw, length) => [softmax(leading(draw, length)), softmax(leading(draw, length))],
  },
  {
    name: "zeros on both sides",
    shapes: fewer,
    options: {},
    rows: (draw, length) => [distribution(draw, length, 0.4), distribution(draw, length, 0.4)],
  },
];

export const logitsAndDistributions: readonly PairCategory[] = [
  ...common.map(
    ({ name, row }): PairCategory => ({
      name,
      shapes: fewer,
      options: {},
      rows: (draw, length, k) => {
        const x = row(draw, length, k);
        return [x, possible(distribution(draw, length, 0.2), x)];
      },
    }),
  ),
  {
    name: "near-equal, by 1e-8…1e-2",
    shapes: fewer,
    options: {},
    rows: (draw, length) => {
      const x = spread(draw, length, 8);
      return [x, normalised(near(draw, softmax(x)))];
    },
  },
  {
    name: "unnormalised",
    shapes: fewer,
    options: {},
    rows: (draw, length, k) => [
      spread(draw, length, 8),
      distribution(draw, length, 0.2).map((p) => (k % 2 ? 3 * p : p / 7)),
    ],
  },
];

type Lesson = PairCategory<{ readonly temperature: number }>;

/** Of a student and a teacher. */
export const pairsOfLogits: readonly Lesson[] = [
  ...common.map(
    ({ name, row }): Lesson => ({
      name,
      shapes: fewer,
      options: { temperature: 1 },
      rows: (draw, length, k) => {
        const x = row(draw, length, k);
        const y = row(draw, length, k + 1).map((v, c) => (x[c] === -Infinity ? v : Math.max(v, -1e5)));
        // What is impossible to the student must be so to the teacher, or the loss is infinite.
        const taught = y.map((v, c) => (x[c] === -Infinity ? -Infinity : v));
        return [x, taught];
      },
    }),
  ),
  ...[1, 4.5].map(
    (temperature): Lesson => ({
      name: `near-equal, T = ${temperature}`,
      shapes: fewer,
      options: { temperature },
      rows: (draw, length) => {
        const x = spread(draw, length, 8);
        return [x, near(draw, x)];
      },
    }),
  ),
  {
    name: "random, T = 4.5",
    shapes: fewer,
    options: { temperature: 4.5 },
    rows: (draw, length) => [spread(draw, length, 30), spread(draw, length, 30)],
  },
];

export const gaussians: readonly PairCategory[] = [
  {
    name: "random, ±3",
    shapes: fewer,
    options: {},
    rows: (draw, length) => [spread(draw, length, 3), spread(draw, length, 3)],
  },
  {
    name: "near the prior, by 1…1e-12",
    shapes: fewer,
    options: {},
    rows: (draw, length) => {
      const apart = 10 ** (-12 * draw());
      return [spread(draw, length, apart), spread(draw, length, apart)];
    },
  },
  {
    name: "wide, log variances to the end",
    shapes: fewer,
    options: {},
    rows: (draw, length, _, type) => [spread(draw, length, 100), spread(draw, length, type === "float32" ? 83 : 700)],
  },
  {
    name: "zeros",
    shapes: fewer,
    options: {},
    rows: (draw, length) => [
      spread(draw, length, 1).map((x) => (draw() < 0.5 ? 0 : x)),
      spread(draw, length, 1).map((x) => (draw() < 0.5 ? 0 : x)),
    ],
  },
];
