/** What is called of the packages that are installed on demand: types are checked before they are there. */

declare module "@jax-js/jax" {
  class Tensor {
    /** An operation takes its arrays away; what is to be read again is handed on as `ref`. */
    get ref(): this;
    dataSync(): ArrayLike<number>;
    dispose(): void;
    add(other: Tensor | number): Tensor;
    sub(other: Tensor | number): Tensor;
    mul(other: Tensor | number): Tensor;
    div(other: Tensor | number): Tensor;
    neg(): Tensor;
  }

  export { Tensor as Array };

  type Formula = (x: Tensor, y: Tensor) => Tensor;
  export function init(device: "wasm"): Promise<readonly string[]>;
  export function defaultDevice(device: "wasm"): string;
  export function jit<F>(of: F): F;
  export function valueAndGrad(of: Formula, options: { argnums: 0 }): (x: Tensor, y: Tensor) => [Tensor, Tensor];
  export function valueAndGrad(of: Formula, options: { argnums: [0, 1] }): (x: Tensor, y: Tensor) => [Tensor, Tensor[]];
  export namespace numpy {
    function array(data: Float32Array, options: { shape: number[] }): Tensor;
    function absolute(x: Tensor): Tensor;
    function square(x: Tensor): Tensor;
    function sqrt(x: Tensor): Tensor;
    function exp(x: Tensor): Tensor;
    function log(x: Tensor): Tensor;
    function clip(x: Tensor, least: number, most: number): Tensor;
    function power(x: Tensor, exponent: number): Tensor;
    function maximum(x: Tensor, y: Tensor | number): Tensor;
    function minimum(x: Tensor, y: Tensor | number): Tensor;
    function equal(x: Tensor, y: Tensor | number): Tensor;
    function where(condition: Tensor, yes: Tensor | number, no: Tensor | number): Tensor;
    function sum(x: Tensor, axis?: number): Tensor;
    function mean(x: Tensor): Tensor;
  }
  export namespace nn {
    function sigmoid(x: Tensor): Tensor;
    function logSigmoid(x: Tensor): Tensor;
    function softplus(x: Tensor): Tensor;
    function logSoftmax(x: Tensor, axis: number): Tensor;
  }
}

declare module "vega-lite" {
  export function compile(spec: object): { readonly spec: object };
}

declare module "vega" {
  export function parse(spec: object): object;
  export class View {
    constructor(dataflow: object, options: { renderer: "none" });
    toSVG(): Promise<string>;
    finalize(): this;
  }
}
