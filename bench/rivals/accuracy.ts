/** How far PyTorch and TensorFlow.js are from exact results, by the measure and at the float32s by which simdloss is judged. */
import * as kernels from "simdloss";
import * as reference from "simdloss/reference";
import { boundaries } from "../../test/accuracy/boundaries.js";
import { cases, inputsOf, type Loss, results } from "../../test/accuracy/cases.js";
import { largest } from "../../test/accuracy/every.js";
import { kindOf, specs } from "../../test/accuracy/points.js";
import { findPython } from "../../test/accuracy/python.js";
import { writeReport } from "../../test/accuracy/report.js";
import { compileAll, type Losses, newVerdicts, Scanner, type Verdict } from "../../test/accuracy/scan.js";
import { print, share, withBar } from "../../test/accuracy/table.js";
import { pytorch } from "./pytorch.js";
import type { Answer, Question, Result } from "./rival.js";
import { tfjs } from "./tfjs.js";

const wasm = { ...kernels };
const plain = { ...reference };

/** A prime, so that it meets mantissas of every kind. */
const STRIDE = 1009;

/** Predictions at a time: a rival's answers to so many are kept in memory, up to 100 bytes a prediction and formula. */
const PART = 2 ** 23;

/** Of one result of one formula. In JSON, a `worst` that is infinite is null: a result is no number, or infinite and should not be. */
export interface RivalVerdict extends Verdict, Pick<Answer, "rival" | "version" | "formula" | "after"> {
  readonly loss: Loss;
  /** Which predictions they are of. */
  readonly predictions: string;
  /** Why there is no such result. */
  readonly missing: string | null;
}

/** Where results are shown side by side. */
const points: Readonly<Partial<Record<Loss, readonly number[]>>> = {
  mae: [0],
  huber: [1e-4, 0.5],
  logCosh: [1e-4, 0.01, 100],
  charbonnier: [1e-3],
  bceWithLogits: [1, 17, 20],
  focalWithLogits: [1, 10, 20],
};

export interface Point {
  readonly loss: Loss;
  /** As it is given; rounded to float32 it is what all of them get. */
  readonly prediction: number;
  readonly target: number;
  readonly result: Result;
  /** By the reference in float64. */
  readonly exact: number;
  /** In decimal, as JSON knows neither NaN nor Infinity; null where there is no such result. */
  readonly found: readonly (Pick<Answer, "rival" | "formula"> & { readonly result: string | null })[];
}

/** Where a derivative jumps, and each may have its own. */
const kinks: Readonly<Partial<Record<Loss, number>>> = { mae: 0, huber: 1 };

/** Magnitudes of predictions. */
interface Span {
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

const finite: Span = { name: "finite", low: 0, high: Number.MAX_VALUE };
/** Half of all float32s are below 1e-19 or above 2e19: shares of them all tell little of those that losses meet. */
const ordinary: Span = { name: "1e-4 to 100", low: 1e-4, high: 100 };
/** Nearer to 0 and 1, the losses are other ones: PyTorch bounds logarithms, TensorFlow.js adds 1e-7 to probabilities, others clamp them. */
const inner: Span = { name: "1e-6 to 1 − 1e-6", low: 1e-6, high: 1 - 1e-6 };

function spansOf(loss: Loss): readonly Span[] {
  return kindOf(specs[loss]) === "probability" ? [inner] : [finite, ordinary];
}

/** Bits of the predictions: every n-th float32, and every boundary, as far as they are in the span. */
function* partsOf(loss: Loss, span: Span, stride: number): Generator<Uint32Array<ArrayBuffer>> {
  const bits = new Uint32Array(PART);
  let n = 0;
  for (const own of bitsOf(loss, span, stride)) {
    bits[n++] = own;
    if (n < PART) continue;
    yield bits;
    n = 0;
  }
  if (n > 0) yield bits.slice(0, n);
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

function* bitsOf(loss: Loss, { low, high }: Span, stride: number): Generator<number> {
  for (const own of candidates(loss, stride)) {
    word[0] = own;
    const size = Math.abs(float[0] ?? Number.NaN);
    if (size >= low && size <= high && size !== kinks[loss]) yield own;
  }
}

function* candidates(loss: Loss, stride: number): Generator<number> {
  for (const { first, count } of inputsOf(loss)) for (let k = 0; k < count; k += stride) yield first + k;
  yield* boundaries(loss);
}

function ours({ loss, predictions, targets }: Question): Answer {
  const outputs = targets.map((target) =>
    wasm[loss].valueGradHess(predictions, new Float32Array(predictions.length).fill(target), { reduction: "none" }),
  );
  return { rival: "simdloss", version: "", formula: loss, after: null, outputs };
}

/** Gives the results in the order of the predictions. */
function replay({ predictions, targets }: Question, { outputs }: Answer): Losses[Loss] {
  const done = targets.map(() => 0);
  return {
    valueGradHess(prediction, [target = Number.NaN], { out }) {
      const which = targets.indexOf(target);
      const from = done[which] ?? 0;
      const to = from + prediction.length;
      done[which] = to;
      const asked = predictions.subarray(from, to);
      if (!prediction.every((x, k) => x === asked[k])) throw new Error("predictions come in another order");
      for (const result of results) {
        const own = outputs[which]?.[result];
        if (own instanceof Float32Array) out[result].set(own.subarray(from, to));
      }
    },
  };
}

/** With the default parameters, of nothing yet. */
function verdictsOf({ loss, targets }: Question, predictions: string, answer: Answer): RivalVerdict[] {
  const { rival, version, formula, after, outputs } = answer;
  const usual = newVerdicts(loss).filter(({ settings }) => Object.keys(settings).length === 0);
  return usual.map((verdict) => {
    const own = outputs[targets.indexOf(verdict.target ?? Number.NaN)]?.[verdict.result];
    const missing = typeof own === "string" ? own : null;
    return { loss, rival, version, formula, after, predictions, missing, ...verdict };
  });
}

/** Of all rivals; PyTorch works while the others do. */
async function answersTo(question: Question, python: string | undefined): Promise<Answer[]> {
  const [others, these] = await Promise.all([python ? pytorch(python, question) : [], tfjs(question)]);
  return [ours(question), ...others, ...these];
}

async function pointsOf(loss: Loss, python: string | undefined): Promise<Point[]> {
  const { targets } = cases[loss];
  const places = points[loss] ?? [];
  if (places.length === 0) return [];
  const answers = await answersTo({ loss, targets, predictions: Float32Array.from(places) }, python);
  return places.flatMap((prediction, k) =>
    targets.flatMap((target, which) => {
      const exact = plain[loss].valueGradHess([Math.fround(prediction)], [target], { reduction: "none" });
      return results.map((result) => ({
        loss,
        prediction,
        target,
        result,
        exact: exact[result][0] ?? Number.NaN,
        found: answers.map(({ rival, formula, outputs }) => {
          const own = outputs[which]?.[result];
          return { rival, formula, result: typeof own === "string" ? null : float32(own?.[k]) };
        }),
      }));
    }),
  );
}

/** With the digits that tell a float32 from its neighbours. */
const float32 = (x = Number.NaN) => String(Number(x.toPrecision(9)));

async function compare(loss: Loss, span: Span, stride: number, python: string | undefined): Promise<RivalVerdict[]> {
  const verdicts: RivalVerdict[] = [];
  for (const bits of partsOf(loss, span, stride)) {
    const question = { loss, targets: cases[loss].targets, predictions: new Float32Array(bits.buffer) };
    const answers = await answersTo(question, python);
    if (verdicts.length === 0) verdicts.push(...answers.flatMap((answer) => verdictsOf(question, span.name, answer)));
    for (const answer of answers) {
      const scanner = new Scanner({ [loss]: replay(question, answer) });
      const own = verdicts.filter(({ rival, formula }) => rival === answer.rival && formula === answer.formula);
      const there = own.filter(({ missing }) => missing === null);
      scanner.scanBits(loss, bits, there);
    }
  }
  return verdicts;
}

function printVerdicts(loss: Loss, verdicts: readonly RivalVerdict[]): void {
  print(
    [loss, "formula", "predictions", "target", "result", "max ULP", "at", "> 1 ULP", "> 1000 ULP"],
    [loss, "formula", "result"],
    verdicts.map(({ rival, formula, after, predictions, target, result, missing, worst, at, one, thousand, count }) => {
      const name = after === null ? formula : `${formula} (${after})`;
      if (missing !== null) return [rival, name, predictions, `${target ?? ""}`, result, "none", "", "", ""];
      const [error, place] = largest({ worst, at });
      const size = worst < 1000 ? error : worst.toExponential(1);
      return [
        rival,
        name,
        predictions,
        `${target ?? ""}`,
        result,
        size,
        place,
        share(one, count),
        share(thousand, count),
      ];
    }),
  );
}

function printPoints(points: readonly Point[]): void {
  const [first] = points;
  if (first === undefined) return;
  print(
    [
      `${first.loss} at`,
      "target",
      "result",
      "exact",
      ...first.found.map(({ rival, formula }) => `${rival}\n${formula}`),
    ],
    ["result"],
    points.map(({ prediction, target, result, exact, found }) => [
      `${prediction}`,
      `${target}`,
      result,
      float32(exact),
      ...found.map((own) => own.result ?? "none"),
    ]),
  );
}

/** Prints and writes how far simdloss and its rivals are from exact results. */
export async function compareRivals(
  losses: readonly Loss[],
  { stride = STRIDE, out }: { stride?: number | undefined; out: string },
): Promise<void> {
  compileAll();
  const python = findPython("torch");
  if (python === undefined) console.log("PyTorch is left out, it needs: apt-get install python3-torch, or PYTHON=path");
  const started = performance.now();
  const verdicts: RivalVerdict[] = [];
  const points: Point[] = [];
  await withBar("rivals", losses.length, "losses", async (onDone) => {
    for (const loss of losses) {
      for (const span of spansOf(loss)) verdicts.push(...(await compare(loss, span, stride, python)));
      points.push(...(await pointsOf(loss, python)));
      onDone(1);
    }
  });
  for (const loss of losses) {
    printVerdicts(
      loss,
      verdicts.filter((own) => own.loss === loss),
    );
    printPoints(points.filter((own) => own.loss === loss));
  }
  writeReport(out, "rivals", started, { stride, verdicts, points });
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `rivals: every ${stride}th float32, and every boundary, but where derivatives jump, in ${seconds.toFixed(0)} s.`,
  );
}
