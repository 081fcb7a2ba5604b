/** Carries a job out in parts, each by a thread. */
import { GRAD, HESS, ROUND, SUM } from "../../assembly/want.js";
import { part } from "../arrays.js";
import type { Call, Floats, Job, RowCall } from "../engine.js";
import { double, errorOf, setRoot, single } from "../loss.js";
import { prepareSum, reduced, reducing, weigh } from "../reduce.js";
import { addUp, roundOf } from "../rounds.js";
import { errorOf as rowErrorOf } from "../rowLoss.js";
import type { Reduction, Total } from "../types.js";
import { labelsFrom, type Memory, newLike } from "./memory.js";
import type { Thread } from "./thread.js";
import type { Findings, Part, Settings } from "./worker.js";

/** Gives the job's call the outputs that are wanted and have no buffer, and takes from it those that are not wanted. */
export function prepareOutputs({ kind, call, reduction }: Job, want: number): void {
  const { prediction } = call;
  const output = (wanted: boolean, array: Floats | undefined, n = prediction.length): Floats | undefined =>
    wanted ? (array ?? newLike(prediction, n)) : undefined;
  const grad = (want & GRAD) !== 0;
  const hess = (want & HESS) !== 0;
  const values = kind === "rows" ? call.rows : prediction.length;
  call.value = output((want & SUM) !== 0 && reduction === "none", call.value, values);
  call.grad = output(grad, call.grad);
  call.hess = output(hess, call.hess);
  if (kind !== "rows") return;
  call.gradOther = output(grad && call.spec.both === true, call.gradOther);
  call.hessOther = output(hess && call.spec.both === true, call.hessOther);
}

/** A part of the call, in the caller's arrays and in those that threads see. */
interface Share {
  /** Elements or rows before it. */
  readonly from: number;
  readonly own: Part;
  readonly lent: Part;
}

/** The elements or rows of a call. */
export function countOf({ kind, call }: Part): number {
  return kind === "rows" ? call.rows : call.prediction.length;
}

/** Elements or rows at a multiple of which a part may begin, so that it has the rounds of the whole. */
function roundsOf({ kind, call }: Part): number {
  return kind === "rows" ? roundOf(call.length) : ROUND;
}

/** How many threads the job can keep busy. */
export function mostParts(job: Part): number {
  return Math.ceil(countOf(job) / roundsOf(job));
}

function sharesOf(job: Part, parts: number, memory: Memory): Share[] {
  const lent = lend(job, memory);
  const count = countOf(job);
  const round = roundsOf(job);
  const rounds = mostParts(job);
  const start = (k: number): number => Math.min(count, Math.floor((k * rounds) / parts) * round);
  return Array.from({ length: parts }, (_, k) => {
    const [from, n] = [start(k), start(k + 1) - start(k)];
    return { from, own: partOf(job, from, n), lent: partOf(lent, from, n) };
  });
}

/** The call in memory that threads see; its inputs are still to be copied, but for the class weights, which every part has. */
function lend({ kind, call }: Part, memory: Memory): Part {
  const elements = {
    prediction: memory.floats("prediction", call.prediction),
    target: memory.floats("target", call.target),
    weights: memory.floats("weights", call.weights),
    value: memory.floats("value", call.value),
    grad: memory.floats("grad", call.grad),
    hess: memory.floats("hess", call.hess),
  };
  if (kind !== "rows") return { kind, call: { ...call, ...elements } };
  const classWeights = memory.floats("classWeights", call.classWeights);
  copy(call.classWeights, classWeights);
  const rows = {
    labels: memory.labels(call.labels),
    classWeights,
    gradOther: memory.floats("gradOther", call.gradOther),
    hessOther: memory.floats("hessOther", call.hessOther),
  };
  return { kind, call: { ...call, ...elements, ...rows } };
}

function partOf({ kind, call }: Part, from: number, n: number): Part {
  const length = kind === "rows" ? call.length : 1;
  const numbers = (array: Floats): Floats => part(array, from * length, n * length);
  const each = (array: Floats): Floats => part(array, from, n);
  const elements = {
    prediction: numbers(call.prediction),
    target: call.target.length === 0 ? call.target : numbers(call.target),
    weights: call.weights && each(call.weights),
    value: call.value && each(call.value),
    grad: call.grad && numbers(call.grad),
    hess: call.hess && numbers(call.hess),
    rounds: [],
  };
  if (kind !== "rows") return { kind, call: { ...call, ...elements } };
  const rows = {
    rows: n,
    labels: call.labels && labelsFrom(call.labels, from, n),
    gradOther: call.gradOther && numbers(call.gradOther),
    hessOther: call.hessOther && numbers(call.hessOther),
  };
  return { kind, call: { ...call, ...elements, ...rows } };
}

/** Copies what the threads read. */
function copyIn({ own, lent }: Share): void {
  copy(own.call.prediction, lent.call.prediction);
  copy(own.call.target, lent.call.target);
  copy(own.call.weights, lent.call.weights);
  if (own.kind === "rows" && lent.kind === "rows") copy(own.call.labels, lent.call.labels);
}

/** Copies what the threads have written. */
function copyOut({ own, lent }: Share): void {
  copy(lent.call.value, own.call.value);
  copy(lent.call.grad, own.call.grad);
  copy(lent.call.hess, own.call.hess);
  if (own.kind !== "rows" || lent.kind !== "rows") return;
  copy(lent.call.gradOther, own.call.gradOther);
  copy(lent.call.hessOther, own.call.hessOther);
}

function copy(
  from: (ArrayLike<number> & ArrayBufferView) | undefined,
  to: (ArrayBufferView & { set(from: ArrayLike<number>): void }) | undefined,
): void {
  if (from !== undefined && to !== undefined && from.buffer !== to.buffer) to.set(from);
}

/**
 * Carries a job out whose outputs are prepared; they are written once nothing can be wrong with the arguments. With reduction "mean" or "none" the sum is the
 * value. Undefined where the caller's thread has to do it, and nothing is written yet.
 */
export async function carry(
  job: Job,
  want: number,
  threads: readonly Thread[],
  memory: Memory,
): Promise<Total | undefined> {
  const shares = sharesOf(job, Math.min(threads.length, mostParts(job)), memory);
  const team = shares.flatMap((share, k) => {
    const thread = threads[k];
    return thread === undefined ? [] : [{ thread, share }];
  });
  try {
    const opening = settled(
      team.map(({ thread, share }) => {
        copyIn(share);
        return thread.ask({ ask: "open", part: share.lent });
      }),
    );
    // What need not be looked at is swept without waiting: if opening fails, so does that.
    opening.catch(() => {});
    const weight = isCertain(job) ? countOf(job) : weightOf(job, shares, await opening);
    const sweep = async (wanted: number): Promise<number> => {
      const found = team.map(({ thread }) => thread.ask({ ask: "sweep", want: wanted, settings: settingsOf(job) }));
      const swept = settled(found);
      await Promise.allSettled([swept]);
      // Where opening failed, so did this, and knows less of why.
      await opening;
      return addUp((await swept).flatMap(({ rounds }) => rounds));
    };
    const sum =
      job.kind !== "rows" && job.call.spec.root
        ? await sweepRoot(job.call, weight, want, job.reduction, sweep)
        : await sweepSum(job.call, weight, want, job.reduction, sweep);
    if (sum === undefined) return undefined;
    for (const share of shares) copyOut(share);
    return { sum, weight };
  } finally {
    for (const { thread } of team) thread.ask({ ask: "release" }).catch(() => {});
  }
}

function settingsOf({ kind, call }: Part): Settings {
  const { a, scale, unit } = call;
  return kind === "rows" ? { a, scale, unit } : { a, b: call.b, scale, unit };
}

type Sweep = (want: number) => Promise<number>;

/** As `runSum` does. */
async function sweepSum(
  call: Call | RowCall,
  weight: number,
  want: number,
  reduction: Reduction,
  sweep: Sweep,
): Promise<number> {
  const total = prepareSum(call, weight, reduction);
  return reduced(await sweep(reducing(want, reduction)), total);
}

/** The root of the mean of squares, or their sum; undefined where they leave the normal numbers. */
async function sweepRoot(
  call: Call,
  weight: number,
  want: number,
  reduction: Reduction,
  sweep: Sweep,
): Promise<number | undefined> {
  const total = reduction === "mean" ? weigh(call, weight) : weight;
  call.a = 1;
  const mean = (await sweep(SUM)) / total;
  const { least } = call.prediction.BYTES_PER_ELEMENT === 4 ? single : double;
  if (mean < least || mean === Infinity) return undefined;
  if (reduction !== "mean") return weight === 0 ? 0 : mean * weight;
  const root = Math.sqrt(mean);
  if (want & GRAD) {
    setRoot(call, total, root);
    await sweep(want & HESS ? SUM | GRAD | HESS : GRAD);
  }
  return root;
}

/** Whether no number can be wrong, and all elements or rows weigh 1. Losses of labels take soft targets, which can be wrong; so can their labels. */
function isCertain({ call: { spec, weights } }: Part): boolean {
  return weights === undefined && spec.predictions === undefined && spec.targets === undefined;
}

/** In the order in which a single thread looks. */
const faults = ["labels", "prediction", "target", "weights"] as const;

/** The total weight, or the first error. */
function weightOf(job: Job, shares: readonly Share[], found: readonly Findings[]): number {
  const rounds = found.flatMap(({ rounds }) => rounds);
  const weight = rounds.length === 0 ? countOf(job) : addUp(rounds) * (found[0]?.classUnit ?? 1);
  for (const fault of faults) {
    const first = found.findIndex((part) => part.fault === fault);
    const [from, at] = [shares[first]?.from, found[first]?.at];
    if (from === undefined || at === undefined) continue;
    const numbers = fault === "prediction" || fault === "target";
    job.call.at = at + from * (job.kind === "rows" && numbers ? job.call.length : 1);
    if (job.kind === "rows") job.call.fault = fault;
    else if (fault !== "labels") job.call.fault = fault;
    break;
  }
  const error = job.kind === "rows" ? rowErrorOf(job.call, weight) : errorOf(job.call, weight);
  if (error !== undefined) throw error;
  return weight;
}

/** What all have found, once none is at work any more; or the first error. */
async function settled(asked: readonly Promise<Findings>[]): Promise<Findings[]> {
  await Promise.allSettled(asked);
  return Promise.all(asked);
}
