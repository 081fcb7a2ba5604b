/** What a loss is, as data: all that checks, tests, benches and docs need to know of it. */

/** A number that a loss depends on besides its arrays. */
export interface Parameter {
  /** `null`: switched off. */
  readonly default: number | null;
  /** The open or closed ends of its range, which is finite unless `to` is Infinity. */
  readonly above?: number;
  readonly from?: number;
  readonly below?: number;
  readonly to?: number;
  /** What `null` means; without it, null is an error. */
  readonly off?: string;
}

export interface Spec<P extends object = object> {
  readonly name: string;
  /** One element's value in infix; x the prediction, y the target, e = x − y. */
  readonly formula: string;
  readonly gradient: string;
  readonly hessian: string;
  /** Author, year and title. */
  readonly source: string;
  /** In the order in which the kernel reads them. */
  readonly parameters: { readonly [K in keyof P]: Parameter };
  /** Closed interval; without it, every number. */
  readonly predictions?: readonly [number, number] | undefined;
  readonly targets?: readonly [number, number] | undefined;
  /** Of the targets' interval, only the two ends. */
  readonly labels?: true | undefined;
  /** The root of the mean of what the kernel adds up, instead of the mean. */
  readonly root?: true | undefined;
}

/** A loss of rows, N of C numbers each; its formulas are a row's. */
export interface RowSpec<P extends object = object> {
  readonly name: string;
  readonly formula: string;
  readonly gradient: string;
  readonly hessian: string;
  readonly source: string;
  /** One at most. */
  readonly parameters: { readonly [K in keyof P]: Parameter };
  /** What its two arrays are called. */
  readonly arrays: readonly [prediction: string, target: string];
  /** The option that says how long a row is. */
  readonly length: "classes" | "latent";
  /** No number below 0. */
  readonly predictions?: "positive" | undefined;
  readonly targets?: "positive" | undefined;
  /** Integers as targets are class indices, one a row; there are class weights, and a label may be ignored. */
  readonly labels?: true | undefined;
  /** Derivatives by both arrays, under their names. */
  readonly both?: true | undefined;
}

/** A loss or measure of images, or of their features. */
export interface ImageSpec<P extends object = object> {
  readonly name: string;
  readonly formula: string;
  /** By the prediction; empty where there is none. */
  readonly gradient: string;
  readonly source: string;
  /** What it takes besides parameters. */
  readonly options: readonly string[];
  /** One at most. */
  readonly parameters: { readonly [K in keyof P]: Parameter };
}
