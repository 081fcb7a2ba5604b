/** The binaries that somebody else has compiled: who made the worker, or the caller. */
import type { Modules } from "../engine.js";

const given: Partial<Modules> = {};

export function receive(modules: Partial<Modules>): void {
  Object.assign(given, modules);
}

export function compile(build: keyof Modules): WebAssembly.Module {
  const module = given[build];
  if (module === undefined) throw new Error(`${build}.wasm was not given`);
  return module;
}
