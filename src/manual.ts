/** The losses over binaries that the caller compiled: where nothing may be compiled at run time, or by the caller's own means. */
import type { Modules } from "./engine.js";
import * as simdloss from "./index.js";
import { receive } from "./wasm/given.js";

/**
 * The functions of simdloss over the caller's modules: those of `simdloss/f32.wasm`, `simdloss/f64.wasm`, or of both, in any order.
 *
 * f32.wasm has the losses of Float32Array but for the focal ones, the divergences and ssim, which are worked out in f64 and need f64.wasm, as Float64Array
 * does. A loss whose binary was not given throws.
 * @throws TypeError for what is no module of simdloss's.
 * @example
 * import f32 from "simdloss/f32.wasm"; // as the bundler or the runtime gives it: a WebAssembly.Module
 * const { huber } = create(f32);
 */
export function create(...modules: readonly [WebAssembly.Module, ...WebAssembly.Module[]]): typeof simdloss {
  if (modules.length < 1)
    throw new TypeError("create: a module must be given, that of simdloss/f32.wasm or of simdloss/f64.wasm");
  for (const module of modules) receive({ [buildOf(module)]: module });
  return simdloss;
}

/** Told by the exports: classes of modules differ from realm to realm. */
function buildOf(module: WebAssembly.Module): keyof Modules {
  const names = exportsOf(module);
  if (names.includes("focal")) return "f64";
  if (names.includes("huber")) return "f32";
  throw new TypeError("create: the module must be that of simdloss/f32.wasm or of simdloss/f64.wasm");
}

function exportsOf(module: WebAssembly.Module): readonly string[] {
  try {
    return WebAssembly.Module.exports(module).map(({ name }) => name);
  } catch {
    return [];
  }
}
