/** What compares images: strips of rows through the staging memory. */
import { rows as family } from "#wasm";
import type { Floats, ImageCall } from "./engine.js";
import { WINDOW } from "./ssim.js";
import { type FloatsConstructor, Home, PAGE, Slot } from "./staging.js";

/** Rows of a strip, a window's at least: the more, the less often the rows above it are moved; of long rows fewer, for the memory. */
const rowsOf = (length: number): number => (length > 2048 ? 16 : 32);

/** Rows that a window reaches beyond one. */
const REACH = WINDOW - 1;

/** The fields of assembly/ssim.ts' Strip, as places in its integers and in the numbers after them. */
const STAGED = 0;
const LENGTH = 1;
const CHANNELS = 2;
const NARROW = 3;
const FIRST = 4;
const LAST = 5;
const PREDICTION = 6;
const TARGET = 7;
const GRAD = 8;
const LINE = 9;
const BLURRED = 10;
const PIXELS = 11;
const GIVEN = 12;
const RETURNED = 13;
const INTEGERS = 14;
const UNIT = 0;
const C1 = 1;
const C2 = 2;
const SCALE = 3;
const SUM = 4;
const REST = 5;
const NUMBERS = 6;

/** Bytes of the kernel's pair of vectors, of which there is one for each number of an image. */
const PAIR = 32;

/** A memory laid out for rows of one length. */
class SsimKernels {
  private home = new Home(0);
  private kernel = (): void => {};
  private length = 0;
  private channels = 0;
  private type: FloatsConstructor = Float64Array;
  /** Whether there is room for derivatives. */
  private steep = false;
  private rows = 0;
  private integers = new Int32Array(0);
  private numbers = new Float64Array(0);
  private prediction = this.slot(0, 0);
  private target = this.slot(0, 0);
  private grad = this.slot(0, 0);

  private slot(address: number, size: number): Slot {
    return new Slot(this.home, address, this.type, size);
  }

  private arrange(length: number, channels: number, type: FloatsConstructor, steep: boolean): void {
    const same = length === this.length && channels === this.channels && type === this.type;
    if (same && (this.steep || !steep)) return;
    const rows = rowsOf(length);
    let end = PAGE;
    const place = (count: number, bytes: number): number => {
      const address = end;
      end += Math.ceil((count * bytes) / 16) * 16;
      return address;
    };
    const margin = REACH * channels;
    const prediction = place(rows, 8 * length);
    const target = place(rows, 8 * length);
    const line = place(1, PAIR * length);
    const blurred = place(rows + REACH, PAIR * (length - margin));
    const grad = place(steep ? rows + REACH : 0, 8 * length);
    const pixels = place(steep ? rows + REACH : 0, (PAIR / 2) * length);
    const given = place(steep ? rows : 0, PAIR * (length + margin));
    const returned = place(steep ? rows + 2 * REACH : 0, PAIR * length);
    this.makeRoom(end, length);

    this.length = length;
    this.channels = channels;
    this.type = type;
    this.steep = steep;
    this.rows = rows;
    this.prediction = this.slot(prediction, rows * length);
    this.target = this.slot(target, rows * length);
    this.grad = this.slot(grad, steep ? (rows + REACH) * length : 0);
    const { buffer } = this.home;
    const { STRIP } = this.home.instanceOf(family.f64).exports;
    const integers = new Int32Array(buffer, STRIP.value, INTEGERS);
    integers[LENGTH] = length;
    integers[CHANNELS] = channels;
    integers[NARROW] = type === Float32Array ? 1 : 0;
    integers[PREDICTION] = prediction;
    integers[TARGET] = target;
    integers[LINE] = line;
    integers[BLURRED] = blurred;
    integers[PIXELS] = pixels;
    integers[GIVEN] = given;
    integers[RETURNED] = returned;
    this.integers = integers;
    this.numbers = new Float64Array(buffer, STRIP.value + 4 * INTEGERS, NUMBERS);
  }

  /** A larger memory, where this one ends too early. */
  private makeRoom(end: number, length: number): void {
    if (end <= this.home.buffer.byteLength && this.length > 0) return;
    try {
      this.home = new Home(end - PAGE);
      this.kernel = this.home.instanceOf(family.f64).kernelOf("ssim");
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`ssim: rows of ${length} numbers do not fit in WebAssembly's memory`);
    }
  }

  compare({ prediction, target, images, width, height, channels, peak, grad }: ImageCall): number {
    if (images === 0) return Number.NaN;
    const length = width * channels;
    const type = prediction.BYTES_PER_ELEMENT === 4 ? Float32Array : Float64Array;
    this.arrange(length, channels, type, grad !== undefined);
    const { integers, numbers } = this;
    // Exact, and no square overflows or vanishes whatever the peak.
    const unit = 2 ** -Math.max(-1022, Math.min(1022, Math.floor(Math.log2(peak))));
    const count = images * (height - REACH) * (length - REACH * channels);
    integers[GRAD] = grad === undefined ? 0 : this.grad.address;
    numbers[UNIT] = unit;
    numbers[C1] = square(0.01 * (peak * unit));
    numbers[C2] = square(0.03 * (peak * unit));
    numbers[SCALE] = unit / count;
    let sum = 0;
    for (let image = 0; image < images; image++) {
      sum += this.image(prediction, target, grad, image * height * length, height);
    }
    return sum / count;
  }

  /** Compares the images that begin at `start`; returns the sum over their windows. */
  private image(prediction: Floats, target: Floats, grad: Floats | undefined, start: number, height: number): number {
    const { integers, numbers, length } = this;
    let sum = 0;
    let done = 0;
    for (let row = 0; row < height; row += this.rows) {
      const rows = Math.min(this.rows, height - row);
      const last = row + rows === height;
      this.prediction.put(prediction, start + row * length, rows * length);
      this.target.put(target, start + row * length, rows * length);
      integers[STAGED] = rows;
      integers[FIRST] = row === 0 ? 1 : 0;
      integers[LAST] = last ? 1 : 0;
      this.kernel();
      sum += (numbers[SUM] ?? 0) + (numbers[REST] ?? 0);
      const next = last ? height : row + rows - REACH;
      grad?.set(this.grad.view((next - done) * length), start + done * length);
      done = next;
    }
    return sum;
  }
}

let kernels: SsimKernels | undefined;

export function ssimKernels(call: ImageCall): number {
  kernels ??= new SsimKernels();
  return kernels.compare(call);
}

/** Not by `**`, which engines round in their own ways. */
function square(x: number): number {
  return x * x;
}
