/** The public types. */

/** Where the runtime has it; taken as Float32Array. */
type Float16 = ArrayLike<number> & ArrayBufferView & { readonly [Symbol.toStringTag]: "Float16Array" };

/** What losses read: a typed array of floats, or plain numbers, which are taken as a Float64Array. */
export type Numbers = Float32Array | Float64Array | Float16 | readonly number[];

/** What a loss writes for predictions of type A. */
export type Result<A> = A extends Float32Array | Float16 ? Float32Array : Float64Array;

/** What goes with predictions of type A: numbers of their precision. */
export type Like<A> = A extends Float32Array | Float16 ? Float32Array | Float16 : Float64Array | readonly number[];

export type Reduction = "mean" | "sum" | "none";

/** The caller's own buffers, each as long as the prediction and of the result's type. */
export interface Out<A> {
  /** With reduction "none" only. */
  readonly value?: Result<A> | undefined;
  readonly grad?: Result<A> | undefined;
  readonly hess?: Result<A> | undefined;
}

export interface CommonOptions<A> {
  /** @defaultValue "mean" */
  readonly reduction?: Reduction | undefined;
  /** One per element, finite and ≥ 0: the mean is Σ wℓ / Σ w. */
  readonly weights?: Like<A> | readonly number[] | undefined;
  readonly out?: Out<A> | undefined;
}

export type Options<P, A> = CommonOptions<A> & { readonly [K in keyof P]?: P[K] | undefined };

type Reduced<P, A> = Options<P, A> & { readonly reduction?: "mean" | "sum" | undefined };
type Each<P, A> = Options<P, A> & { readonly reduction: "none" };

/** A sum that can be added to others of its kind, over shards, workers and machines. */
export interface Total {
  /** Σ wℓ; of `rmse`, Σ we². */
  readonly sum: number;
  /** Σ w. */
  readonly weight: number;
}

/** An element-wise loss, its derivatives by the prediction, and what is known of it. */
export interface Loss<P extends object = object> {
  <A extends Numbers>(prediction: A, target: Like<A>, options: Each<P, A>): Result<A>;
  <A extends Numbers>(prediction: A, target: Like<A>, options?: Reduced<P, A>): number;
  <A extends Numbers>(prediction: A, target: Like<A>, options?: Options<P, A>): number | Result<A>;

  /** ∂value/∂prediction; with reduction "none", each element's own derivative. */
  grad<A extends Numbers>(prediction: A, target: Like<A>, options?: Options<P, A>): Result<A>;

  /** Both in one pass over the data. */
  valueAndGrad<A extends Numbers>(
    prediction: A,
    target: Like<A>,
    options: Each<P, A>,
  ): { value: Result<A>; grad: Result<A> };
  valueAndGrad<A extends Numbers>(
    prediction: A,
    target: Like<A>,
    options?: Reduced<P, A>,
  ): { value: number; grad: Result<A> };
  valueAndGrad<A extends Numbers>(
    prediction: A,
    target: Like<A>,
    options?: Options<P, A>,
  ): { value: number | Result<A>; grad: Result<A> };

  /** All three in one pass over the data; `hess` is the diagonal ∂²value/∂prediction². */
  valueGradHess<A extends Numbers>(
    prediction: A,
    target: Like<A>,
    options: Each<P, A>,
  ): { value: Result<A>; grad: Result<A>; hess: Result<A> };
  valueGradHess<A extends Numbers>(
    prediction: A,
    target: Like<A>,
    options?: Reduced<P, A>,
  ): { value: number; grad: Result<A>; hess: Result<A> };
  valueGradHess<A extends Numbers>(
    prediction: A,
    target: Like<A>,
    options?: Options<P, A>,
  ): { value: number | Result<A>; grad: Result<A>; hess: Result<A> };

  /** The sum and the weight that the mean is made of; add them with `mergeTotals`. */
  total<A extends Numbers>(prediction: A, target: Like<A>, options?: Options<P, A>): Total;

  /** The loss of everything that went into a total. */
  fromTotal(total: Total): number;

  readonly parameters: { readonly [K in keyof P]: { readonly default: P[K] } };
  readonly formula: string;
  readonly source: string;
}
