/** What the page and its worker say to each other. */
import type { Name, Who } from "./contestants.js";

export interface Order {
  readonly losses: readonly Name[];
  readonly size: number;
  readonly tfjs: boolean;
  readonly rounds: number;
}

export interface Result {
  readonly name: Name;
  /** Nanoseconds an element, of those that were timed. */
  readonly times: ReadonlyMap<Who, number>;
  /** Those that came to something else than simdloss, and were not timed. */
  readonly astray: readonly Who[];
}

export type ToPage =
  | { readonly kind: "result"; readonly result: Result }
  /** Which TensorFlow.js ran. */
  | { readonly kind: "rival"; readonly said: string }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly said: string };
