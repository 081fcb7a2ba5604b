/** What the page and its worker say to each other. */
import type { Lesson, Likeness } from "./denoiser.js";

export type ToWorker =
  | {
      readonly kind: "train";
      readonly lesson: Lesson;
      /** Where the digits to learn from are. */
      readonly digits: string;
      /** To be judged by. */
      readonly clean: Float32Array;
      readonly noisy: Float32Array;
      /** How many of the restored digits are sent back, and how often, in milliseconds. */
      readonly shown: number;
      readonly pause: number;
    }
  | { readonly kind: "pause" }
  | { readonly kind: "go on" };

export interface Progress extends Likeness {
  readonly kind: "progress";
  /** Its steps so far, and the mean loss of those since the last time. */
  readonly step: number;
  readonly loss: number;
  readonly restored: Float32Array;
  readonly done: boolean;
}

export type ToPage = Progress | { readonly kind: "failed"; readonly said: string };
