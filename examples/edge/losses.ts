/** What is served: every loss that has totals. */
import type { Gaussian, Total } from "simdloss";
import * as simdloss from "simdloss";

export type Floats = Float32Array | Float64Array;

/** A loss as one calls it with what came from outside: it checks everything itself. */
export interface Scored {
  readonly name: string;
  readonly formula: string;
  /** Of losses of rows: what the rows are of. */
  readonly kind?: "labels" | "classes" | "latent";
  valueAndGrad(
    prediction: unknown,
    target: unknown,
    options: unknown,
  ): { value: unknown; grad: Floats | Gaussian<Floats> };
  total(prediction: unknown, target: unknown, options: unknown): Total;
}

function isScored(thing: unknown): thing is Scored {
  return typeof thing === "function" && "total" in thing;
}

const served = Object.values<unknown>(simdloss).filter(isScored);

export const losses: ReadonlyMap<string, Scored> = new Map(served.map((loss) => [loss.name, loss]));
