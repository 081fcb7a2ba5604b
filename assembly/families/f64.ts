/** Only the f64 builds have it: `simdloss/manual` tells them by it. */
export const F64 = true;
