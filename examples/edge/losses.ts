/** What is served: every loss that has totals. */
import {
  bce,
  bceWithLogits,
  charbonnier,
  distillation,
  focal,
  focalWithLogits,
  type Gaussian,
  gaussianKl,
  huber,
  klDivergence,
  klDivergenceWithLogits,
  logCosh,
  mae,
  mse,
  rmse,
  softmaxCrossEntropy,
  type Total,
} from "simdloss";

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

const served: readonly Scored[] = [
  mae,
  mse,
  rmse,
  huber,
  logCosh,
  charbonnier,
  bce,
  bceWithLogits,
  focal,
  focalWithLogits,
  softmaxCrossEntropy,
  klDivergence,
  klDivergenceWithLogits,
  distillation,
  gaussianKl,
];

export const losses: ReadonlyMap<string, Scored> = new Map(served.map((loss) => [loss.name, loss]));
