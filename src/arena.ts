/** Memory of the caller's in which losses find their arrays where they are. */
import { show } from "./arrays.js";
import { STAGING as ELEMENTS } from "./kernels.js";
import { STAGING as ROWS } from "./rowKernels.js";
import { Home, PAGE } from "./staging.js";

/** Before the arrays, for what the kernels need. */
const BEFORE = Math.ceil(Math.max(ELEMENTS, ROWS) / 16) * 16;

/** After them, for the vector that holds the last element. */
const AFTER = 64;

/** What WebAssembly can address, less the kernels' page and theirs. */
const MOST = 65535 * PAGE - BEFORE - AFTER;

/**
 * A memory of fixed size whose arrays losses read and write in their place: nothing is copied.
 *
 * `bytes`, for all arrays together; each begins at a multiple of its elements' size. It never grows, so that its arrays stay what they are. What a loss
 * is called with may lie partly elsewhere; that is copied then, as ever. Rows of more than 8192 numbers need free room to be worked on in, 96 bytes a number,
 * and are copied too where there is less; images are always copied.
 * @throws TypeError, RangeError for bytes that are no whole number, or more than the engine gives.
 * @example
 * const arena = new Arena({ bytes: 8192 });
 * const [prediction, target, grad] = [arena.float32(500), arena.float32(500), arena.float32(500)];
 * mse.valueAndGrad(prediction.fill(2), target, { out: { grad } }).value; // 4
 */
export class Arena {
  /** For all arrays together. */
  readonly bytes: number;
  readonly #home: Home;
  /** Where arrays begin. */
  readonly #start = PAGE + BEFORE;

  constructor(options: { readonly bytes: number }) {
    this.bytes = bytesOf(options);
    this.#home = homeFor(this.bytes);
    this.#home.top = this.#start;
  }

  /** Bytes taken by arrays. */
  get used(): number {
    return this.#home.top - this.#start;
  }

  /** Bytes left. */
  get free(): number {
    return this.bytes - this.used;
  }

  /** A new array of `n` zeros. @throws TypeError, RangeError for an `n` that is no whole number, or too large for what is free. */
  float32(n: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#home.buffer, this.#take("float32", n, 4), n);
  }

  /** A new array of `n` zeros. @throws TypeError, RangeError for an `n` that is no whole number, or too large for what is free. */
  float64(n: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#home.buffer, this.#take("float64", n, 8), n);
  }

  /** A new array of `n` zeros, for class indices. @throws TypeError, RangeError for an `n` that is no whole number, or too large for what is free. */
  int32(n: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#home.buffer, this.#take("int32", n, 4), n);
  }

  /** Frees all arrays; those still in use share their memory with the next ones, and with the room that long rows are worked on in. */
  reset(): void {
    this.#home.top = this.#start;
  }

  /** The address of `n` elements. */
  #take(name: string, n: unknown, size: number): number {
    count(`Arena: ${name}`, "a length", n);
    const address = Math.ceil(this.#home.top / size) * size;
    const top = address + n * size;
    if (top > this.#start + this.bytes) {
      const padding = address - this.#home.top;
      throw new RangeError(
        `Arena: ${name}(${n}) needs ${padding + n * size} bytes, ${this.free} of ${this.bytes} are free`,
      );
    }
    const { buffer, dirty } = this.#home;
    if (address < dirty) new Uint8Array(buffer, address, Math.min(top, dirty) - address).fill(0);
    this.#home.top = top;
    this.#home.touch(top);
    return address;
  }
}

function bytesOf(options: unknown): number {
  if (typeof options !== "object" || options === null || !("bytes" in options)) {
    throw new TypeError(`Arena: bytes must be given, new Arena({ bytes: 1048576 }), got ${show(options)}`);
  }
  for (const name in options) {
    if (name !== "bytes") throw new TypeError(`Arena: unknown option ${show(name)}; the options are bytes`);
  }
  const { bytes } = options;
  count("Arena", "bytes", bytes);
  return bytes;
}

function count(who: string, what: string, n: unknown): asserts n is number {
  if (typeof n !== "number") throw new TypeError(`${who}: ${what} must be a number, got ${show(n)}`);
  if (!Number.isInteger(n) || n < 0)
    throw new RangeError(`${who}: ${what} must be a whole number of at least 0, got ${n}`);
}

function homeFor(bytes: number): Home {
  if (bytes > MOST) throw new RangeError(`Arena: bytes must be at most ${MOST}, got ${bytes}`);
  try {
    return new Home(BEFORE + bytes + AFTER, true);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`Arena: the engine does not give ${bytes} bytes`);
  }
}
