/** One element's loss and its derivatives by the prediction, in double precision, as the papers write them. */
export interface Formula<Parameters = unknown> {
  value(prediction: number, target: number, parameters: Parameters): number;
  grad(prediction: number, target: number, parameters: Parameters): number;
  hess(prediction: number, target: number, parameters: Parameters): number;
}
