/** What a rival is asked, and what it answers. */
import type { Loss, results } from "../../test/accuracy/cases.js";

export type Result = (typeof results)[number];

export interface Question {
  readonly loss: Loss;
  readonly predictions: Float32Array<ArrayBuffer>;
  readonly targets: readonly number[];
}

/** The results of one formula of a loss, with the parameters that simdloss has by default. */
export interface Answer {
  readonly rival: string;
  readonly version: string;
  readonly formula: string;
  /** Whose formula it is, where the rival has no such loss and its users write one. */
  readonly after: string | null;
  /** For each target. */
  readonly outputs: readonly Outputs[];
}

/** One for each prediction, or why there are none. */
export type Outputs = Readonly<Record<Result, Float32Array | string>>;
