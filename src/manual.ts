/** The losses over binaries that the caller compiled: where nothing may be compiled at run time, or by the caller's own means. */
import type { Kind } from "./engine.js";
import * as simdloss from "./index.js";
import { receive } from "./wasm/given.js";

/**
 * The functions of simdloss over the caller's modules, in any order: those of `simdloss/regression.f32.wasm`, `simdloss/classification.f32.wasm`,
 * `simdloss/rows.f32.wasm`, and of the same for f64.
 *
 * Those for f32 have the losses of Float32Array but for the focal ones, the divergences and ssim, which are worked out in f64 and need those for f64, as
 * Float64Array does. A loss whose binary was not given throws.
 * @throws TypeError for what is no module of simdloss's.
 * @example
 * import regression from "simdloss/regression.f32.wasm"; // as the bundler or the runtime gives it: a WebAssembly.Module
 * const { huber } = create(regression);
 */
export function create(...modules: readonly [WebAssembly.Module, ...WebAssembly.Module[]]): typeof simdloss {
  if (modules.length < 1)
    throw new TypeError("create: a module must be given, such as that of simdloss/regression.f32.wasm");
  for (const module of modules) {
    const names = exportsOf(module);
    receive(kindOf(names), { [names.includes("F64") ? "f64" : "f32"]: module });
  }
  return simdloss;
}

/** Told by the exports: classes of modules differ from realm to realm. */
function kindOf(names: readonly string[]): Kind {
  if (names.includes("huber")) return "regression";
  if (names.includes("bce")) return "classification";
  if (names.includes("softmaxCrossEntropy")) return "rows";
  throw new TypeError("create: the module must be one of simdloss's, such as that of simdloss/regression.f32.wasm");
}

function exportsOf(module: WebAssembly.Module): readonly string[] {
  try {
    return WebAssembly.Module.exports(module).map(({ name }) => name);
  } catch {
    return [];
  }
}
