/** One element's loss and its derivatives by the prediction, in double precision, as the papers write them. */
export interface Formula<Parameters = unknown> {
  value(prediction: number, target: number, parameters: Parameters): number;
  grad(prediction: number, target: number, parameters: Parameters): number;
  /** `weight` is what the result is multiplied by; a root needs it. */
  hess(prediction: number, target: number, parameters: Parameters, weight: number): number;
}
