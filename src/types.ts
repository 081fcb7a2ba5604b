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

/** The caller's own buffers, of the result's type: derivatives as long as the prediction, values one per element, or per row. */
export interface Out<A> {
  /** With reduction "none" only. */
  readonly value?: Result<A> | undefined;
  readonly grad?: Result<A> | undefined;
  readonly hess?: Result<A> | undefined;
}

export interface CommonOptions<A> {
  /** @defaultValue "mean" */
  readonly reduction?: Reduction | undefined;
  /** One per element, of row losses per row; finite and ≥ 0: the mean is Σ wℓ / Σ w. */
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

/** What is known of every loss. */
interface About<P extends object> {
  /** The loss of everything that went into a total. */
  fromTotal(total: Total): number;
  readonly parameters: { readonly [K in keyof P]: { readonly default: P[K] } };
  readonly formula: string;
  readonly source: string;
}

/** An element-wise loss, its derivatives by the prediction, and what is known of it. */
export interface Loss<P extends object = object> extends About<P> {
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
}

/** Class indices, one a row. */
export type Integers =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Soft targets go with predictions of type A as their like; labels are integers of any kind. */
type RowTarget<T extends "labels" | "floats", A> = T extends "labels" ? Integers : Like<A>;
type RowOptions<O, A> = CommonOptions<A> & O;
type RowReduced<O, A> = RowOptions<O, A> & { readonly reduction?: "mean" | "sum" | undefined };
type RowEach<O, A> = RowOptions<O, A> & { readonly reduction: "none" };
/** Options may be left out where none of them must be given. */
type Rest<O, Given> = Record<never, never> extends O ? [options?: Given] : [options: Given];

/** A loss of N rows of C numbers each and its derivatives by the prediction, with targets of kind T, options O and parameters P. */
export interface RowLoss<T extends "labels" | "floats", O extends object, P extends object = object> extends About<P> {
  /** What its rows are of: classes that labels may name, or classes. */
  readonly kind: "labels" | "classes";

  <A extends Numbers>(prediction: A, target: RowTarget<T, A>, options: RowEach<O, A>): Result<A>;
  <A extends Numbers>(prediction: A, target: RowTarget<T, A>, ...options: Rest<O, RowReduced<O, A>>): number;
  <A extends Numbers>(
    prediction: A,
    target: RowTarget<T, A>,
    ...options: Rest<O, RowOptions<O, A>>
  ): number | Result<A>;

  /** ∂value/∂prediction; with reduction "none", each row's own derivative. */
  grad<A extends Numbers>(prediction: A, target: RowTarget<T, A>, ...options: Rest<O, RowOptions<O, A>>): Result<A>;

  /** Both in one pass over the data. */
  valueAndGrad<A extends Numbers>(
    prediction: A,
    target: RowTarget<T, A>,
    options: RowEach<O, A>,
  ): { value: Result<A>; grad: Result<A> };
  valueAndGrad<A extends Numbers>(
    prediction: A,
    target: RowTarget<T, A>,
    ...options: Rest<O, RowReduced<O, A>>
  ): { value: number; grad: Result<A> };
  valueAndGrad<A extends Numbers>(
    prediction: A,
    target: RowTarget<T, A>,
    ...options: Rest<O, RowOptions<O, A>>
  ): { value: number | Result<A>; grad: Result<A> };

  /** All three in one pass over the data; `hess` is the diagonal ∂²value/∂prediction². */
  valueGradHess<A extends Numbers>(
    prediction: A,
    target: RowTarget<T, A>,
    options: RowEach<O, A>,
  ): { value: Result<A>; grad: Result<A>; hess: Result<A> };
  valueGradHess<A extends Numbers>(
    prediction: A,
    target: RowTarget<T, A>,
    ...options: Rest<O, RowReduced<O, A>>
  ): { value: number; grad: Result<A>; hess: Result<A> };
  valueGradHess<A extends Numbers>(
    prediction: A,
    target: RowTarget<T, A>,
    ...options: Rest<O, RowOptions<O, A>>
  ): { value: number | Result<A>; grad: Result<A>; hess: Result<A> };

  /** The sum and the weight that the mean is made of; add them with `mergeTotals`. */
  total<A extends Numbers>(prediction: A, target: RowTarget<T, A>, ...options: Rest<O, RowOptions<O, A>>): Total;
}

interface SoftmaxOptions {
  /** One per class, finite and ≥ 0. */
  readonly classWeights?: Numbers | undefined;
  /** @defaultValue 0 */
  readonly labelSmoothing?: number | undefined;
}

/** With soft targets. */
export interface SoftmaxTargetOptions extends SoftmaxOptions {
  readonly classes: number;
}

/** With class indices. */
export interface SoftmaxIndexOptions extends SoftmaxOptions {
  /** The length of a row; with class indices it need not be given. */
  readonly classes?: number | undefined;
  /** The label of rows that do not count. */
  readonly ignoreIndex?: number | undefined;
}

/** With soft targets the number of classes must be told; with class indices it shows. */
export type SoftmaxCrossEntropy = RowLoss<"floats", SoftmaxTargetOptions, { labelSmoothing: number }> &
  // Last, as the compiler explains why the last one does not fit.
  RowLoss<"labels", SoftmaxIndexOptions, { labelSmoothing: number }> & { readonly kind: "labels" };

/** A loss of two rows of numbers, the classes' number and the parameters P. */
export type DivergenceLoss<P extends object> = RowLoss<
  "floats",
  { readonly classes: number } & { readonly [K in keyof P]?: P[K] | undefined },
  P
> & { readonly kind: "classes" };

/** By both arrays of a Gaussian. */
export interface Gaussian<T> {
  readonly mean: T;
  readonly logVariance: T;
}

export interface GaussianOptions<A> extends Omit<CommonOptions<A>, "out"> {
  /** The length of a row. */
  readonly latent: number;
  readonly out?:
    | {
        readonly value?: Result<A> | undefined;
        readonly grad?: Partial<Gaussian<Result<A>>> | undefined;
        readonly hess?: Partial<Gaussian<Result<A>>> | undefined;
      }
    | undefined;
}
type GaussianReduced<A> = GaussianOptions<A> & { readonly reduction?: "mean" | "sum" | undefined };
type GaussianEach<A> = GaussianOptions<A> & { readonly reduction: "none" };

/** A loss of a Gaussian's mean and log variance, with its derivatives by both. */
export interface GaussianLoss extends About<object> {
  /** What its rows are of: latent variables. */
  readonly kind: "latent";

  <A extends Numbers>(mean: A, logVariance: Like<A>, options: GaussianEach<A>): Result<A>;
  <A extends Numbers>(mean: A, logVariance: Like<A>, options: GaussianReduced<A>): number;
  <A extends Numbers>(mean: A, logVariance: Like<A>, options: GaussianOptions<A>): number | Result<A>;

  grad<A extends Numbers>(mean: A, logVariance: Like<A>, options: GaussianOptions<A>): Gaussian<Result<A>>;

  valueAndGrad<A extends Numbers>(
    mean: A,
    logVariance: Like<A>,
    options: GaussianEach<A>,
  ): { value: Result<A>; grad: Gaussian<Result<A>> };
  valueAndGrad<A extends Numbers>(
    mean: A,
    logVariance: Like<A>,
    options: GaussianReduced<A>,
  ): { value: number; grad: Gaussian<Result<A>> };
  valueAndGrad<A extends Numbers>(
    mean: A,
    logVariance: Like<A>,
    options: GaussianOptions<A>,
  ): { value: number | Result<A>; grad: Gaussian<Result<A>> };

  valueGradHess<A extends Numbers>(
    mean: A,
    logVariance: Like<A>,
    options: GaussianEach<A>,
  ): { value: Result<A>; grad: Gaussian<Result<A>>; hess: Gaussian<Result<A>> };
  valueGradHess<A extends Numbers>(
    mean: A,
    logVariance: Like<A>,
    options: GaussianReduced<A>,
  ): { value: number; grad: Gaussian<Result<A>>; hess: Gaussian<Result<A>> };
  valueGradHess<A extends Numbers>(
    mean: A,
    logVariance: Like<A>,
    options: GaussianOptions<A>,
  ): { value: number | Result<A>; grad: Gaussian<Result<A>>; hess: Gaussian<Result<A>> };

  total<A extends Numbers>(mean: A, logVariance: Like<A>, options: GaussianOptions<A>): Total;
}

/** Feature maps, one array a layer. */
type Layers<A> = readonly A[];

interface PerceptualOptions<A> {
  /**
   * One λ a layer, finite and ≥ 0; a layer of weight 0 counts for nothing, whatever it holds.
   * @defaultValue 1 for each
   */
  readonly layerWeights?: Numbers | undefined;
  /** @defaultValue "mean", of each layer */
  readonly reduction?: Reduction | undefined;
  /** Of each kind one array a layer. */
  readonly out?:
    | {
        /** With reduction "none" only. */
        readonly value?: Layers<Result<A>> | undefined;
        readonly grad?: Layers<Result<A>> | undefined;
        readonly hess?: Layers<Result<A>> | undefined;
      }
    | undefined;
}
type PerceptualReduced<A> = PerceptualOptions<A> & { readonly reduction?: "mean" | "sum" | undefined };
type PerceptualEach<A> = PerceptualOptions<A> & { readonly reduction: "none" };

/** The loss of features, with derivatives by each layer of the prediction's. */
export interface Perceptual extends Omit<About<object>, "fromTotal"> {
  <A extends Numbers>(features: Layers<A>, targetFeatures: Layers<Like<A>>, options: PerceptualEach<A>): Result<A>[];
  <A extends Numbers>(features: Layers<A>, targetFeatures: Layers<Like<A>>, options?: PerceptualReduced<A>): number;
  <A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options?: PerceptualOptions<A>,
  ): number | Result<A>[];

  /** One array a layer, to be sent back through the frozen extractor. */
  grad<A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options?: PerceptualOptions<A>,
  ): Result<A>[];

  /** Both in one pass over the data. */
  valueAndGrad<A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options: PerceptualEach<A>,
  ): { value: Result<A>[]; grad: Result<A>[] };
  valueAndGrad<A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options?: PerceptualReduced<A>,
  ): { value: number; grad: Result<A>[] };
  valueAndGrad<A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options?: PerceptualOptions<A>,
  ): { value: number | Result<A>[]; grad: Result<A>[] };

  /** All three in one pass over the data; the second derivative of an absolute difference is 0. */
  valueGradHess<A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options: PerceptualEach<A>,
  ): { value: Result<A>[]; grad: Result<A>[]; hess: Result<A>[] };
  valueGradHess<A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options?: PerceptualReduced<A>,
  ): { value: number; grad: Result<A>[]; hess: Result<A>[] };
  valueGradHess<A extends Numbers>(
    features: Layers<A>,
    targetFeatures: Layers<Like<A>>,
    options?: PerceptualOptions<A>,
  ): { value: number | Result<A>[]; grad: Result<A>[]; hess: Result<A>[] };
}

interface Peak {
  /**
   * The largest value that a pixel can have, 255 for bytes.
   * @defaultValue 1
   */
  readonly peak?: number | undefined;
}

/** A measure in decibels; the higher, the closer. */
export interface Psnr extends Omit<About<{ peak: number }>, "fromTotal"> {
  <A extends Numbers>(prediction: A, target: Like<A>, options?: Peak): number;

  /** Of all pixels that went into a total of `mse`. */
  fromTotal(total: Total, options?: Peak): number;
}

/** Images one after another, each row by row, the channels of a pixel side by side. */
interface SsimOptions<A> extends Peak {
  /** Pixels, at least 11. */
  readonly width: number;
  /** Pixels, at least 11. */
  readonly height: number;
  /** @defaultValue 1 */
  readonly channels?: number | undefined;
  /**
   * How many images of that size the arrays hold.
   * @defaultValue 1
   */
  readonly images?: number | undefined;
  readonly out?: { readonly grad?: Result<A> | undefined } | undefined;
}

/** A measure of images that is 1 where they are equal, and its derivative by the prediction. */
export interface Ssim extends Omit<About<{ peak: number }>, "fromTotal"> {
  /** What is measured: images. */
  readonly kind: "images";

  <A extends Numbers>(prediction: A, target: Like<A>, options: SsimOptions<A>): number;

  /** ∂value/∂prediction. */
  grad<A extends Numbers>(prediction: A, target: Like<A>, options: SsimOptions<A>): Result<A>;

  /** Both in one pass over the data. */
  valueAndGrad<A extends Numbers>(
    prediction: A,
    target: Like<A>,
    options: SsimOptions<A>,
  ): { value: number; grad: Result<A> };
}
