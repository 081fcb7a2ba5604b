/** The peak signal-to-noise ratio. */
import { floats, matchLength } from "./arrays.js";
import { frozen, optionsOf, parameter, rulesOf } from "./options.js";
import type { ImageSpec } from "./spec.js";
import { fromTotal } from "./total.js";
import type { Loss, Psnr, Total } from "./types.js";

/** Through `rmse`, whose squares neither overflow nor vanish. */
export function definePsnr(spec: ImageSpec<{ peak: number }>, rmse: Loss): Psnr {
  const { name, formula, source, parameters } = spec;
  const rules = rulesOf(parameters);

  function peakOf(options: unknown): number {
    return parameter(name, rules[0], optionsOf(name, Object.keys(parameters), options));
  }

  function psnr(prediction: unknown, target: unknown, options?: unknown): number {
    const peak = peakOf(options);
    const x = floats(name, "prediction", prediction);
    const y = floats(name, "target", target, x);
    matchLength(name, "target", y, x.length);
    return decibels(peak, rmse(x, y));
  }

  const members = {
    fromTotal(total: Total, options?: unknown): number {
      const peak = peakOf(options);
      return decibels(peak, Math.sqrt(fromTotal(spec, total)));
    },
    parameters: frozen(parameters),
    formula,
    source,
  };
  Object.defineProperty(psnr, "name", { value: name });
  // One body serves every kind of array; what goes with which, its public type says.
  return Object.assign(psnr, members) as unknown as Psnr;
}

/** 20 log10(peak/error); of a quotient that is no normal number, by its parts. */
function decibels(peak: number, error: number): number {
  const ratio = peak / error;
  return 20 * (ratio > 1e-300 && ratio < Infinity ? Math.log10(ratio) : Math.log10(peak) - Math.log10(error));
}
