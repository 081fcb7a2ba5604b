/** What bench:scale found. */

interface Memory {
  readonly rss: number;
  readonly arrayBuffers: number;
}

export interface Pieces {
  /** Elements of one. */
  readonly piece: number;
  readonly sum: number;
  readonly weight: number;
  readonly exact: number;
  readonly seconds: number;
  /** After the first piece, the most, and after the last. */
  readonly before: Memory;
  readonly most: Memory;
  readonly now: Memory;
}

/** Nanoseconds an element, by rounds. */
export interface ScaleRow {
  readonly loss: string;
  readonly elements: number;
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface ScaleReport {
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
  readonly pieces: Pieces;
  /** What did not fit into memory. */
  readonly left: readonly string[];
  readonly rows: readonly ScaleRow[];
}

export function sizeName(n: number): string {
  if (n >= 2 ** 20) return `${n / 2 ** 20} Mi`;
  return n >= 2 ** 10 ? `${n / 2 ** 10} Ki` : String(n);
}
