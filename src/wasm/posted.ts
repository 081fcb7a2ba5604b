/** The binaries of a worker: it was posted them, compiled. */
import type { Modules } from "../engine.js";

let posted: Modules | undefined;

export function receive(modules: Modules): void {
  posted = modules;
}

export function compile(type: keyof Modules): WebAssembly.Module {
  if (posted === undefined) throw new Error("no modules were posted");
  return posted[type];
}
