/** What a run leaves behind, one bit each. asc and tsc both read this file. */

/** The weighted sum of the losses, in the request. */
export const SUM = 1;
/** Each element's own loss. */
export const EACH = 2;
/** Each element's derivative, times the request's scale. */
export const GRAD = 4;
/** Each element's second derivative, times the request's scale. */
export const HESS = 8;
/** Not an output: every element counts as often as its weight says, one of weight 0 not at all. */
export const WEIGHTED = 16;
