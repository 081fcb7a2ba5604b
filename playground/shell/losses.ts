/** The package; where WebAssembly may not run, its reference, the same functions in plain TypeScript. */
import * as simdloss from "simdloss";
import type * as reference from "simdloss/reference";

export type Losses = typeof reference;

export interface Loaded {
  readonly losses: Losses;
  /** What was said against WebAssembly, where it may not run. */
  readonly refused?: string;
}

export async function load(): Promise<Loaded> {
  try {
    simdloss.mse([1], [0]); // kernels are compiled by the first call
    return { losses: simdloss };
  } catch (error) {
    return { losses: await import("simdloss/reference"), refused: String(error) };
  }
}
