/** What a pool's methods take and give, told from the loss. */
/// <reference lib="esnext.disposable" preserve="true" />
import type {
  CommonOptions,
  Gaussian,
  GaussianLoss,
  GaussianOptions,
  Integers,
  Like,
  Loss,
  Numbers,
  Options,
  Reduction,
  Result,
  RowLoss,
  SoftmaxCrossEntropy,
  SoftmaxIndexOptions,
  SoftmaxTargetOptions,
  Total,
} from "../types.js";

/** What a pool carries out: the element-wise losses and those of rows. */
export type PooledLoss = Pick<Loss, "formula" | "fromTotal" | "source">;

type TargetOf<L, A> = L extends SoftmaxCrossEntropy ? Integers | Like<A> : Like<A>;

/** With predictions of type A and targets of type T. */
type OptionsOf<L, A, T> = L extends GaussianLoss
  ? GaussianOptions<A>
  : L extends SoftmaxCrossEntropy
    ? CommonOptions<A> & (T extends Integers ? SoftmaxIndexOptions : SoftmaxTargetOptions)
    : L extends RowLoss<"floats", infer O, infer _P>
      ? CommonOptions<A> & O
      : L extends Loss<infer P>
        ? Options<P, A>
        : never;

/** They may be left out where none of them must be given. */
type Rest<Given, R> =
  Record<never, never> extends Given
    ? [options?: Given & { readonly reduction?: R | undefined }]
    : [options: Given & { readonly reduction?: R | undefined }];

type ValueOf<A, R> = R extends "none" ? Result<A> : number;
type DerivativeOf<L, A> = L extends GaussianLoss ? Gaussian<Result<A>> : Result<A>;

/**
 * Threads that carry losses out, bit by bit as one thread does.
 *
 * Calls are carried out one at a time, in the order in which they were made. A call's arguments are checked when it is made, the numbers in its arrays when its turn
 * comes: until its promise settles, the arrays must not be written to. What the loss would throw is what the promise is rejected with, and no output has
 * been changed then. Arrays over a SharedArrayBuffer are read and written where they are; others are copied into shared memory, which the pool keeps, and outputs
 * back. Where there is no `out`, results are over a SharedArrayBuffer if the prediction is. Calls on few elements are carried out by the caller's thread.
 */
export interface Pool {
  /** How many there are; 1: the caller's own. */
  readonly threads: number;

  /** The loss; with reduction "none" one value per element, or per row. */
  value<L extends PooledLoss, A extends Numbers, T extends TargetOf<L, A>, R extends Reduction = "mean">(
    loss: L,
    prediction: A,
    target: T,
    ...options: Rest<OptionsOf<L, A, T>, R>
  ): Promise<ValueOf<A, R>>;

  /** ∂value/∂prediction. */
  grad<L extends PooledLoss, A extends Numbers, T extends TargetOf<L, A>, R extends Reduction = "mean">(
    loss: L,
    prediction: A,
    target: T,
    ...options: Rest<OptionsOf<L, A, T>, R>
  ): Promise<DerivativeOf<L, A>>;

  /** Both in one pass over the data. */
  valueAndGrad<L extends PooledLoss, A extends Numbers, T extends TargetOf<L, A>, R extends Reduction = "mean">(
    loss: L,
    prediction: A,
    target: T,
    ...options: Rest<OptionsOf<L, A, T>, R>
  ): Promise<{ value: ValueOf<A, R>; grad: DerivativeOf<L, A> }>;

  /** All three in one pass over the data; `hess` is the diagonal ∂²value/∂prediction². */
  valueGradHess<L extends PooledLoss, A extends Numbers, T extends TargetOf<L, A>, R extends Reduction = "mean">(
    loss: L,
    prediction: A,
    target: T,
    ...options: Rest<OptionsOf<L, A, T>, R>
  ): Promise<{ value: ValueOf<A, R>; grad: DerivativeOf<L, A>; hess: DerivativeOf<L, A> }>;

  /** The sum and the weight that the mean is made of; add them with `mergeTotals`. */
  total<L extends PooledLoss, A extends Numbers, T extends TargetOf<L, A>, R extends Reduction = "mean">(
    loss: L,
    prediction: A,
    target: T,
    ...options: Rest<OptionsOf<L, A, T>, R>
  ): Promise<Total>;

  /** Ends the threads; calls that have not settled are rejected, and so are later ones. Resolves when the threads are gone. */
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PoolOptions {
  /**
   * At least 1, which is the caller's own and needs no shared memory.
   * @defaultValue as many as the machine runs at a time
   */
  readonly threads?: number | undefined;
  /** Where the workers' script is served, simdloss/parallel/worker; for pages whose Content Security Policy has no `worker-src blob:`. */
  readonly worker?: URL | undefined;
}
