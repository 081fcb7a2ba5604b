/**
 * An element-wise loss: three formulas of a prediction x and a target y.
 *
 * An instance lives at one fixed address, and its fields hold v128s: the parameters, which `prepare` leaves there once a run, and
 * whatever else `shared` works out besides what it returns. A field costs one load where it is read.
 */
@unmanaged
export abstract class Loss {
  /** Whether it is but a few instructions: then four vectors go side by side instead of two. */
  abstract light(): bool;

  /** Makes fields of a request's parameters. */
  abstract prepare(a: f64, b: f64, c: f64): void;

  /** What the formulas have in common: the residual, or the costly exponential. */
  abstract shared(x: v128, y: v128): v128;
  abstract value(shared: v128, x: v128, y: v128): v128;
  abstract grad(shared: v128, x: v128, y: v128): v128;
  /** `weight` is what the result will be multiplied by; a loss that is not a sum over its elements needs it. */
  abstract hess(shared: v128, x: v128, y: v128, weight: v128): v128;
}
