/** Where arrays lie that several threads work on. */
import { floatsIn } from "../arrays.js";
import type { Floats, Labels } from "../engine.js";

export function isShared(array: Floats | Labels): boolean {
  return typeof SharedArrayBuffer !== "undefined" && array.buffer instanceof SharedArrayBuffer;
}

export function labelsFrom(labels: Labels, from: number, n: number): Labels {
  return labelsIn(labels, labels.buffer, labels.byteOffset + from * labels.BYTES_PER_ELEMENT, n);
}

type LabelsIn = new (buffer: ArrayBufferLike, byteOffset: number, n: number) => Labels;

const kinds: Readonly<Record<Labels[typeof Symbol.toStringTag], LabelsIn>> = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float64Array,
};

function labelsIn(like: Labels, buffer: ArrayBufferLike, byteOffset: number, n: number): Labels {
  return new kinds[like[Symbol.toStringTag]](buffer, byteOffset, n);
}

/** A new array, in memory of the same kind as the prediction's. */
export function newLike(prediction: Floats, n: number): Floats {
  const bytes = prediction.BYTES_PER_ELEMENT;
  const buffer = isShared(prediction) ? new SharedArrayBuffer(n * bytes) : new ArrayBuffer(n * bytes);
  return floatsIn(buffer, 0, n, bytes);
}

/** Shared memory for arrays that lie elsewhere: of each name one at a time. It is kept, and grows to the largest. */
export class Memory {
  readonly #buffers = new Map<string, SharedArrayBuffer>();

  /** The array, or if it is not shared room for one like it. */
  floats(name: string, array: Floats): Floats;
  floats(name: string, array: Floats | undefined): Floats | undefined;
  floats(name: string, array: Floats | undefined): Floats | undefined {
    if (array === undefined || isShared(array)) return array;
    return floatsIn(this.#room(name, array.byteLength), 0, array.length, array.BYTES_PER_ELEMENT);
  }

  labels(labels: Labels | undefined): Labels | undefined {
    if (labels === undefined || isShared(labels)) return labels;
    return labelsIn(labels, this.#room("labels", labels.byteLength), 0, labels.length);
  }

  #room(name: string, bytes: number): SharedArrayBuffer {
    const kept = this.#buffers.get(name);
    if (kept !== undefined && kept.byteLength >= bytes) return kept;
    const room = new SharedArrayBuffer(bytes);
    this.#buffers.set(name, room);
    return room;
  }
}
