/** One element's loss and its derivatives by the prediction, in double precision, as the papers write them. */
export interface Formula<Parameters = unknown> {
  value(prediction: number, target: number, parameters: Parameters): number;
  grad(prediction: number, target: number, parameters: Parameters): number;
  /** `weight` is what the result is multiplied by; a root needs it. */
  hess(prediction: number, target: number, parameters: Parameters, weight: number): number;
}

/** A loss of rows of `length` numbers, with what memory it needs from row to row. */
export type RowFormula<Parameters = unknown> = (length: number, parameters: Parameters) => RowLoss;

/** One row's loss, if the value is asked for, and its derivatives, as far as there is something to fill. */
export type RowLoss = (prediction: Float64Array, target: Float64Array, asked: Asked) => number;

export interface Asked {
  readonly value: boolean;
  /** By the prediction. */
  readonly grad: Float64Array | undefined;
  readonly hess: Float64Array | undefined;
  /** By the target. */
  readonly gradOther: Float64Array | undefined;
  readonly hessOther: Float64Array | undefined;
}
