/** What the suite runs over: every implementation of every spec, in both element types. */

import { ROUND } from "../assembly/want.js";
import type { Loss, Reduction } from "../src/index.js";
import * as wasm from "../src/index.js";
import * as losses from "../src/losses/index.js";
import * as reference from "../src/reference/index.js";
import type { Parameter, Spec } from "../src/spec.js";

export type Floats = Float32Array | Float64Array;
export type FloatsConstructor = Float32ArrayConstructor | Float64ArrayConstructor;
export type Name = keyof typeof losses;
/** All losses, each with its own parameters. */
export type Losses = Pick<typeof wasm, Name>;

/** One loss of one implementation. */
export interface Subject {
  readonly title: string;
  readonly implementation: keyof typeof implementations;
  readonly spec: Spec;
  readonly loss: Loss;
  /** The same loss of the reference. */
  readonly oracle: Loss;
  /** More elements than two rounds through the kernels' memory hold; the reference knows no rounds, and takes its time. */
  readonly long: number;
}

/** The same on arrays of one type. */
export interface TypedSubject extends Subject {
  readonly Type: FloatsConstructor;
}

export const specs: Readonly<Record<Name, Spec>> = losses;
export const names = Object.keys(specs).filter(isName);
export const types: readonly FloatsConstructor[] = [Float32Array, Float64Array];
export const implementations: Readonly<Record<"wasm" | "reference", Losses>> = { wasm, reference };

export const subjects: readonly Subject[] = (["wasm", "reference"] as const).flatMap((implementation) =>
  names.map((name) => ({
    title: `${implementation} ${name}`,
    implementation,
    spec: specs[name],
    loss: lossesOf(implementations[implementation])[name],
    oracle: lossesOf(implementations.reference)[name],
    long: implementation === "wasm" ? 2 * ROUND + 1000 : 1000,
  })),
);

export const typedSubjects: readonly TypedSubject[] = subjects.flatMap((subject) =>
  types.map((Type) => ({ ...subject, Type, title: `${subject.title} ${Type.name}` })),
);

/** The same without their parameters, to be looked up by name. */
export function lossesOf(losses: Losses): Readonly<Record<Name, Loss>> {
  return losses;
}

export function isName(name: string): name is Name {
  return name in specs;
}

/** Those that the loss takes. */
export function reductionsOf(spec: Spec): readonly Reduction[] {
  return spec.root ? ["mean"] : ["mean", "sum", "none"];
}

export type Settings = Readonly<Record<string, number | null>>;

/** The defaults, each parameter at the ends and in the middle of its range, and all of them in the middle. */
export function settingsOf(spec: Spec): readonly Settings[] {
  const rules = rulesOf(spec);
  if (rules.length === 0) return [{}];
  const varied = rules.flatMap(([name, rule]) => valuesOf(rule).map((value) => ({ [name]: value })));
  return [{}, ...varied, Object.fromEntries(rules.map(([name, rule]) => [name, middle(rule)]))];
}

export function rulesOf(spec: Spec): readonly (readonly [string, Parameter])[] {
  const parameters: Readonly<Record<string, Parameter>> = { ...spec.parameters };
  return Object.entries(parameters);
}

/** The defaults, and each parameter somewhere within its range or switched off. */
export function middles(spec: Spec): readonly Settings[] {
  const varied = rulesOf(spec).map(([name, rule]) => ({ [name]: middle(rule) }));
  const off = rulesOf(spec).flatMap(([name, rule]) => (rule.off === undefined ? [] : [{ [name]: null }]));
  return [{}, ...varied, ...off];
}

function valuesOf(rule: Parameter): readonly (number | null)[] {
  const ends = [rule.from, rule.to].filter((end) => end !== undefined);
  return rule.off === undefined ? [...ends, middle(rule)] : [...ends, middle(rule), null];
}

/** Between two finite ends; else somewhere ordinary above the default. Never an integer, for which there may be a shortcut. */
function middle({ default: usual, from, below, to }: Parameter): number {
  const end = to ?? below ?? Infinity;
  return end < Infinity ? 0.625 * end + 0.375 * (from ?? 0) : Math.max(0.7, 1.75 * (usual ?? 0));
}
