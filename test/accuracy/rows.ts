/** The losses of rows against exact ones: the largest relative errors, by kind of row. */
import type * as simdloss from "../../src/index.js";
import { random } from "../random.js";
import {
  decimal,
  distillation,
  type ExactRow,
  gaussianKl,
  klDivergence,
  klDivergenceWithLogits,
  type Result,
  softmaxCrossEntropy,
} from "./exactRows.js";
import { writeReport } from "./report.js";
import {
  distributions,
  gaussians,
  labelOf,
  logits,
  logitsAndDistributions,
  type PairCategory,
  pairsOfLogits,
  type Shape,
  softTarget,
  type TypeName,
} from "./rowCases.js";
import { print, withBar } from "./table.js";

export type RowLosses = Pick<
  typeof simdloss,
  "softmaxCrossEntropy" | "klDivergence" | "klDivergenceWithLogits" | "distillation" | "gaussianKl"
>;
type Floats = Float32Array | Float64Array;

/** What is subnormal may be off by the least number that there is; from `infinite` on, numbers round to Infinity. */
const precisions = [
  {
    type: "float32",
    Type: Float32Array,
    bound: 1e-6,
    least: 2 ** -149,
    leastNormal: 2 ** -126,
    infinite: decimal(2 ** 127).times(2 - 2 ** -24),
  },
  {
    type: "float64",
    Type: Float64Array,
    bound: 1e-14,
    least: 2 ** -1074,
    leastNormal: 2 ** -1022,
    infinite: decimal(2 ** 1023)
      .times(2)
      .minus(2 ** 969)
      .minus(2 ** 969),
  },
] as const;
type Precision = (typeof precisions)[number];

export const rowOutputs = ["value", "grad", "hess"] as const;

/** The largest relative errors of a loss on one kind of row. */
export interface RowVerdict {
  readonly loss: string;
  readonly category: string;
  readonly type: TypeName;
  readonly bound: number;
  rows: number;
  value: number;
  grad: number;
  hess: number;
}

/** What a loss returned for a row. */
interface Got {
  readonly value: number;
  readonly grad: readonly number[] | Floats;
  readonly hess: readonly number[] | Floats;
}

interface Judged {
  readonly loss: string;
  readonly got: Got;
  readonly right: ExactRow;
}

/** Rows of one kind and length. */
interface Batch {
  readonly category: string;
  readonly precision: Precision;
  readonly rows: number;
  readonly length: number;
  /** Draws the rows and has the loss work on them; then, of each row, what came and what it must be. */
  run(): (k: number) => readonly Judged[];
}

/** Leaves out rows that are longer than that, and all but one of so many. */
export interface Thinned {
  readonly longest: number;
  readonly every: number;
}

const each = { reduction: "none" } as const;

function batchesOf<C extends { readonly name: string; readonly shapes: readonly Shape[] }>(
  categories: readonly C[],
  run: (category: C, precision: Precision, rows: number, length: number) => (k: number) => readonly Judged[],
): (thin: Thinned) => Batch[] {
  return ({ longest, every }) =>
    precisions.flatMap((precision) =>
      categories.flatMap((category) =>
        category.shapes
          .filter(([, length]) => length <= longest)
          .map(([all, length]) => {
            const rows = Math.ceil(all / every);
            const { name } = category;
            return { category: name, precision, rows, length, run: () => run(category, precision, rows, length) };
          }),
      ),
    );
}

function batchesOfSoftmax(loss: RowLosses["softmaxCrossEntropy"]): (thin: Thinned) => Batch[] {
  return batchesOf(logits, ({ row }, { Type }, rows, classes) => {
    const draw = random(classes);
    const x = Array.from({ length: rows }, (_, k) => Array.from(Type.from(row(draw, classes, k))));
    const indices = x.map((logits, k) => labelOf(draw, logits, k));
    const oneHot = indices.flatMap((label) => Array.from({ length: classes }, (_, c) => Number(c === label)));
    const soft = x.map((logits, k) => Array.from(Type.from(softTarget(draw, logits, k))));
    const prediction = Type.from(x.flat());
    const given = { ...each, classes };
    const ofIndices = loss.valueGradHess(prediction, Int32Array.from(indices), given);
    const ofOneHot = loss.valueGradHess(prediction, Type.from(oneHot), given);
    const ofSoft = loss.valueGradHess(prediction, Type.from(soft.flat()), given);
    return (k) => {
      const exact = softmaxCrossEntropy(x[k] ?? []);
      const right = exact(indices[k] ?? Number.NaN);
      return [
        { loss: "softmaxCrossEntropy, indices", got: rowOf(ofIndices, k, classes), right },
        { loss: "softmaxCrossEntropy, one-hot", got: rowOf(ofOneHot, k, classes), right },
        { loss: "softmaxCrossEntropy, soft", got: rowOf(ofSoft, k, classes), right: exact(soft[k] ?? []) },
      ];
    };
  });
}

interface Results {
  readonly value: Floats;
  readonly grad: Floats;
  readonly hess: Floats;
}

function rowOf({ value, grad, hess }: Results, k: number, length: number): Got {
  const [from, to] = [k * length, (k + 1) * length];
  return { value: value[k] ?? Number.NaN, grad: grad.subarray(from, to), hess: hess.subarray(from, to) };
}

/** Of a loss of two arrays. */
function batchesOfPairs<O extends object>(
  loss: string,
  categories: readonly PairCategory<O>[],
  call: (x: Floats, y: Floats, length: number, options: O) => (k: number) => Got,
  exact: (x: Floats, y: Floats, options: O, precision: Precision) => ExactRow,
): (thin: Thinned) => Batch[] {
  return batchesOf(categories, (category, precision, rows, length) => {
    const { Type, type } = precision;
    const draw = random(length);
    const drawn = Array.from({ length: rows }, (_, k) => category.rows(draw, length, k, type));
    const x = Type.from(drawn.flatMap(([row]) => row));
    const y = Type.from(drawn.flatMap(([, row]) => row));
    const got = call(x, y, length, category.options);
    return (k) => {
      const [from, to] = [k * length, (k + 1) * length];
      const right = exact(x.subarray(from, to), y.subarray(from, to), category.options, precision);
      return [{ loss, got: got(k), right }];
    };
  });
}

/** Options take effect as the element type has them. */
function rounded({ Type }: Precision, option: number): number {
  return Type.of(option)[0] ?? option;
}

function allBatches(losses: RowLosses, thin: Thinned): Batch[] {
  const {
    klDivergence: divergence,
    klDivergenceWithLogits: withLogits,
    distillation: lesson,
    gaussianKl: gaussian,
  } = losses;
  return [
    batchesOfSoftmax(losses.softmaxCrossEntropy),
    batchesOfPairs(
      "klDivergence",
      distributions,
      (x, y, classes, options) => {
        const got = divergence.valueGradHess(x, y, { ...each, ...options, classes });
        return (k) => rowOf(got, k, classes);
      },
      (x, y, { epsilon = 1e-7 }, precision) => klDivergence(x, y, rounded(precision, epsilon)),
    ),
    batchesOfPairs(
      "klDivergenceWithLogits",
      logitsAndDistributions,
      (x, y, classes) => {
        const got = withLogits.valueGradHess(x, y, { ...each, classes });
        return (k) => rowOf(got, k, classes);
      },
      klDivergenceWithLogits,
    ),
    batchesOfPairs(
      "distillation",
      pairsOfLogits,
      (x, y, classes, options) => {
        const got = lesson.valueGradHess(x, y, { ...each, ...options, classes });
        return (k) => rowOf(got, k, classes);
      },
      (x, y, { temperature }, precision) => distillation(x, y, rounded(precision, temperature)),
    ),
    batchesOfPairs(
      "gaussianKl",
      gaussians,
      (x, y, latent) => {
        const { value, grad, hess } = gaussian.valueGradHess(x, y, { ...each, latent });
        return (k) => {
          const mean = rowOf({ value, grad: grad.mean, hess: hess.mean }, k, latent);
          const variance = rowOf({ value, grad: grad.logVariance, hess: hess.logVariance }, k, latent);
          return {
            value: mean.value,
            grad: [...mean.grad, ...variance.grad],
            hess: [...mean.hess, ...variance.hess],
          };
        };
      },
      gaussianKl,
    ),
  ].flatMap((batches) => batches(thin));
}

function errorOf(got: number, { exact, size }: Result, { least, leastNormal, infinite }: Precision): number {
  if (exact.abs().gte(infinite)) return got === (exact.isNegative() ? -Infinity : Infinity) ? 0 : Infinity;
  if (!Number.isFinite(got)) return Infinity;
  const off = decimal(got).minus(exact).abs();
  const beyond = exact.abs().lt(leastNormal) ? off.minus(least) : off;
  if (beyond.lte(0)) return 0;
  return size.isZero() ? Infinity : beyond.div(size).toNumber();
}

function judge({ loss, got, right }: Judged, { category, precision }: Batch, verdicts: Map<string, RowVerdict>): void {
  const { type, bound } = precision;
  const key = [loss, category, type].join("; ");
  const verdict = verdicts.get(key) ?? { loss, category, type, bound, rows: 0, value: 0, grad: 0, hess: 0 };
  verdicts.set(key, verdict);
  verdict.rows++;
  verdict.value = Math.max(verdict.value, errorOf(got.value, right.value, precision));
  for (const output of ["grad", "hess"] as const) {
    if (got[output].length !== right[output].length) throw new Error(`${key}: ${got[output].length} in ${output}`);
    right[output].forEach((result, k) => {
      verdict[output] = Math.max(verdict[output], errorOf(got[output][k] ?? Number.NaN, result, precision));
    });
  }
}

function judgeAll(batches: readonly Batch[], onRow: (length: number) => void): RowVerdict[] {
  const verdicts = new Map<string, RowVerdict>();
  for (const batch of batches) {
    const row = batch.run();
    for (let k = 0; k < batch.rows; k++) {
      for (const judged of row(k)) judge(judged, batch, verdicts);
      onRow(batch.length);
    }
  }
  return [...verdicts.values()];
}

export function judgeRows(losses: RowLosses, thin: Thinned): RowVerdict[] {
  return judgeAll(allBatches(losses, thin), () => {});
}

/** Those with a result beyond the bound. */
export function beyond(verdicts: readonly RowVerdict[]): RowVerdict[] {
  return verdicts.filter((verdict) => rowOutputs.some((output) => !(verdict[output] <= verdict.bound)));
}

function show(error: number): string {
  return error === 0 ? "0" : error.toExponential(1);
}

/** Prints and writes the largest relative errors, and returns whether all are within their bounds. */
export async function proveRows(losses: RowLosses, { out }: { out: string }): Promise<boolean> {
  const started = performance.now();
  const batches = allBatches(losses, { longest: Infinity, every: 1 });
  const count = batches.reduce((sum, { rows, length }) => sum + rows * length, 0);
  const verdicts = await withBar("rows", count, "numbers in rows", async (onDone) => judgeAll(batches, onDone));
  print(
    ["loss", "rows", "float32 value", "grad", "hess", "float64 value", "grad", "hess"],
    ["loss", "rows"],
    verdicts
      .filter(({ type }) => type === "float32")
      .map(({ loss, category }) => {
        const both = verdicts.filter((verdict) => verdict.loss === loss && verdict.category === category);
        const errors = both.flatMap((verdict) => rowOutputs.map((output) => show(verdict[output])));
        return [loss, category, ...errors];
      }),
  );
  const rows = verdicts.reduce((sum, verdict) => sum + verdict.rows, 0);
  const failed = beyond(verdicts).length;
  console.log(
    `rows: ${rows} of them; the bounds are relative errors of ${precisions.map(({ bound }) => bound.toExponential()).join(" and ")}, ` +
      `${failed} of ${verdicts.length} kinds are beyond them.`,
  );
  writeReport(out, "rows", started, { verdicts });
  return failed === 0;
}
