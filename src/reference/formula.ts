/** One element's loss and its derivatives by the prediction, in double precision, as the papers write them. */
export interface Formula<Parameters = unknown> {
  value(prediction: number, target: number, parameters: Parameters): number;
  grad(prediction: number, target: number, parameters: Parameters): number;
  /** `weight` is what the result is multiplied by; a root needs it. */
  hess(prediction: number, target: number, parameters: Parameters, weight: number): number;
}

/** One row's loss and its derivatives by the prediction, which fill `into`. */
export interface RowFormula<Parameters = unknown> {
  value(prediction: Float64Array, target: Float64Array, parameters: Parameters): number;
  grad(prediction: Float64Array, target: Float64Array, parameters: Parameters, into: Float64Array): void;
  hess(prediction: Float64Array, target: Float64Array, parameters: Parameters, into: Float64Array): void;
  /** By the target. */
  gradOther?(prediction: Float64Array, target: Float64Array, parameters: Parameters, into: Float64Array): void;
  hessOther?(prediction: Float64Array, target: Float64Array, parameters: Parameters, into: Float64Array): void;
}
