/** The binaries that somebody else has compiled: who made the worker, or the caller. */
import { type Family, type Kind, Missing, type Modules } from "../engine.js";

type Some = Partial<Omit<Modules, "kind">>;

const given: Partial<Record<Kind, Some>> = {};

export function receive(kind: Kind, modules: Some): void {
  given[kind] = { ...given[kind], ...modules };
}

export const regression = family("regression");
export const classification = family("classification");
export const rows = family("rows");

function family<K extends Kind>(kind: K): Family<K> {
  return { kind, f32: () => take(kind, "f32"), f64: () => take(kind, "f64") };
}

function take(kind: Kind, type: keyof Some): WebAssembly.Module {
  const module = given[kind]?.[type];
  if (module === undefined) throw new Missing(`simdloss/manual: ${kind}.${type}.wasm was not given to create`);
  return module;
}
