/** Losses of what comes in pieces: totals are added, nothing else is kept. */
import type { Total } from "simdloss";
import * as simdloss from "simdloss";
import { Mistake } from "./mistake.js";

/** A loss as one calls it with what came from outside: it checks everything itself. */
interface Scored {
  readonly name: string;
  total(prediction: unknown, target: unknown, options: unknown): Total;
  fromTotal(total: Total): number;
}

/** Of elements: those of rows have a kind. */
function isScored(thing: unknown): thing is Scored {
  return typeof thing === "function" && "total" in thing && !("kind" in thing);
}

const all = Object.values<unknown>(simdloss).filter(isScored);
export const losses: ReadonlyMap<string, Scored> = new Map(all.map((loss) => [loss.name, loss]));

/** Arrays that are only good until the next piece comes. */
export interface Piece {
  readonly prediction: Float32Array | Float64Array;
  readonly target: Float32Array | Float64Array;
  /** Where a pair is in the file: "line 7". */
  where(index: number): string;
}

/** Pairs of a piece. Longer ones are no faster. */
export const pairs = 2 ** 16;

export interface Task {
  /** As it was asked for: "huber:delta=2". */
  readonly title: string;
  readonly loss: Scored;
  readonly options: Readonly<Record<string, number | null>>;
}

export interface Score {
  readonly title: string;
  readonly loss: number;
  readonly total: Total;
}

export async function score(pieces: AsyncIterable<Piece>, tasks: readonly Task[]): Promise<Score[]> {
  const totals = tasks.map((): Total => ({ sum: 0, weight: 0 }));
  for await (const piece of pieces) {
    for (const [k, task] of tasks.entries()) totals[k] = simdloss.mergeTotals(totals[k] ?? none, totalOf(task, piece));
  }
  return tasks.map(({ title, loss }, k) => {
    const total = totals[k] ?? none;
    return { title, loss: loss.fromTotal(total), total };
  });
}

const none: Total = { sum: 0, weight: 0 };

function totalOf({ loss, options }: Task, { prediction, target, where }: Piece): Total {
  try {
    const total = loss.total(prediction, target, options);
    if (Number.isNaN(total.sum)) refuseNaN({ prediction, target, where });
    return total;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // The loss counts from the beginning of the piece.
    throw new Mistake(error.message.replace(/ at (\d+)/, (_, index) => ` at ${where(Number(index))}`));
  }
}

/** It would make the whole result NaN. */
function refuseNaN({ prediction, target, where }: Piece): void {
  for (const [name, numbers] of Object.entries({ prediction, target })) {
    const index = numbers.findIndex(Number.isNaN);
    if (index >= 0) throw new Mistake(`${name} NaN at ${where(index)}`);
  }
}
