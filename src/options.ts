/** What options may be: parameters and their ranges, reductions, output buffers. */
import { show } from "./arrays.js";
import type { Parameter } from "./spec.js";
import type { Reduction } from "./types.js";

/** The options that every loss has. */
export const common: readonly string[] = ["reduction", "weights", "out"];

export type Given = Readonly<Record<string, unknown>>;

/** A parameter with every bound in its place. */
export interface Rule {
  readonly name: string;
  readonly usual: number;
  readonly above: number;
  readonly from: number;
  readonly below: number;
  readonly to: number;
  readonly finite: boolean;
  readonly nullable: boolean;
}

/** The options, none of which is unknown. */
export function optionsOf(loss: string, known: readonly string[], options: unknown): Given | undefined {
  if (options === undefined) return undefined;
  if (!isRecord(options)) throw new TypeError(`${loss}: options must be an object, got ${show(options)}`);
  for (const name in options) {
    if (known.includes(name)) continue;
    throw new TypeError(`${loss}: unknown option ${show(name)}; the options are ${known.join(", ")}`);
  }
  return options;
}

/** Whether there is any option that not every loss has: reading one by a name that is not written here takes 20 ns. */
export function isTuned(given: Given | undefined): given is Given {
  if (given === undefined) return false;
  for (const name in given) if (!common.includes(name)) return true;
  return false;
}

export function isRecord(thing: unknown): thing is Given {
  return typeof thing === "object" && thing !== null && !Array.isArray(thing) && !ArrayBuffer.isView(thing);
}

export function frozen<P extends Readonly<Record<string, Parameter>>>(parameters: P): P {
  for (const parameter of Object.values(parameters)) Object.freeze(parameter);
  return Object.freeze(parameters);
}

export function rulesOf(parameters: Readonly<Record<string, Parameter>>): readonly Rule[] {
  return Object.entries(parameters).map(([name, rule]) => ({
    name,
    usual: rule.default ?? Number.NaN,
    above: rule.above ?? -Infinity,
    from: rule.from ?? -Infinity,
    below: rule.below ?? Infinity,
    to: rule.to ?? Infinity,
    finite: rule.to !== Infinity,
    nullable: rule.off !== undefined,
  }));
}

export function parameter(loss: string, rule: Rule | undefined, given: Given | undefined): number {
  if (rule === undefined) return 0;
  const asked = given?.[rule.name];
  if (asked === undefined) return rule.usual;
  return asked === null && rule.nullable ? Number.NaN : check(loss, rule, asked);
}

function check(loss: string, rule: Rule, value: unknown): number {
  const { name, above, from, below, to, finite, nullable } = rule;
  if (typeof value !== "number") {
    throw new TypeError(`${loss}: ${name} must be a number${nullable ? " or null" : ""}, got ${show(value)}`);
  }
  const within = value > above && value >= from && value <= to && (value < below || !finite);
  if (!within) throw new RangeError(`${loss}: ${name} must be ${range(rule)}, got ${value}`);
  return value;
}

function range({ above, from, below, to, finite }: Rule): string {
  if (above !== -Infinity) return finite ? `finite and greater than ${above}` : `greater than ${above}`;
  if (below !== Infinity) return `at least ${from} and less than ${below}`;
  return to === Infinity ? `finite and at least ${from}` : `in [${from}, ${to}]`;
}

export function reductionOf({ name, root }: { name: string; root?: true | undefined }, reduction: unknown): Reduction {
  if (reduction === undefined || reduction === "mean") return "mean";
  if (!root && (reduction === "sum" || reduction === "none")) return reduction;
  const choice = root ? '"mean"' : '"mean", "sum" or "none"';
  const message = `${name}: reduction must be ${choice}, got ${show(reduction)}`;
  throw typeof reduction === "string" ? new RangeError(message) : new TypeError(message);
}

export function outOf(loss: string, out: unknown): Given | undefined {
  if (out === undefined) return undefined;
  if (!isRecord(out)) throw new TypeError(`${loss}: out must be an object, got ${show(out)}`);
  for (const name in out) {
    if (name === "value" || name === "grad" || name === "hess") continue;
    throw new TypeError(`${loss}: unknown output ${show(name)} in out; the outputs are value, grad, hess`);
  }
  return out;
}

/** To f32. What is positive stays so, a loss may divide by it, and what is finite too. */
export function rounded(value: number, rule: Rule | undefined): number {
  const near = Math.fround(value);
  if (value > 0 && near === 0) return 2 ** -149;
  return near === Infinity && rule?.finite ? 3.4028234663852886e38 : near;
}
