/**
 * Hashes of everything that the losses return for seeded inputs: the same on every runtime, engine and processor.
 *
 * Imports nothing, so that it runs wherever the package does. The inputs are made of integers and of bit patterns by operations that are
 * exact, never by functions that engines round in their own ways. For that reason `psnr` is left out: its value is a Math.log10.
 */
import type { Gaussian, Reduction, Total } from "../../src/index.js";

type Package = Omit<typeof import("../../src/index.js"), "Arena">;
type Floats = Float32Array | Float64Array;
type FloatsConstructor = Float32ArrayConstructor | Float64ArrayConstructor;
type Output = number | Floats | readonly Floats[] | Gaussian<Floats>;
type Settings = Readonly<Record<string, unknown>>;

/** What losses of elements, of rows and of features have in common; of features there are no totals. */
interface Calls {
  (x: unknown, y: unknown, options: Settings): Output;
  grad(x: unknown, y: unknown, options: Settings): Output;
  valueAndGrad(x: unknown, y: unknown, options: Settings): { value: Output; grad: Output };
  valueGradHess(x: unknown, y: unknown, options: Settings): { value: Output; grad: Output; hess: Output };
  total?(x: unknown, y: unknown, options: Settings): Total;
}

const types: readonly FloatsConstructor[] = [Float32Array, Float64Array];
const reductions: readonly Reduction[] = ["mean", "sum", "none"];
const places = new DataView(new ArrayBuffer(8));

/** By loss, element type and output, such as "huber Float32Array grad". */
export function hashes(simdloss: Package): Record<string, string> {
  const found = new Map<string, Hash>();
  const record: Recorder = (loss, Type, output, got) => {
    const name = `${loss} ${Type.name} ${output}`;
    const hash = found.get(name) ?? new Hash();
    found.set(name, hash);
    hash.add(got);
  };
  for (const Type of types) {
    recordElements(simdloss, Type, record);
    recordRows(simdloss, Type, record);
    recordFeatures(simdloss, Type, record);
    recordImages(simdloss, Type, record);
  }
  return Object.fromEntries([...found].map(([name, hash]) => [name, String(hash)]));
}

type Recorder = (loss: string, Type: FloatsConstructor, output: "value" | "grad" | "hess", got: Output) => void;

/** Of the words of numbers, the lower one first; of NaNs the payload is left aside. As MurmurHash3 mixes them, Appleby (2011). */
class Hash {
  private state = 0;

  add(got: Output): void {
    if (typeof got === "number") this.addNumbers([got], 8);
    else if (isFloats(got)) this.addNumbers(got, got.BYTES_PER_ELEMENT);
    else for (const part of Object.values<Floats>({ ...got })) this.add(part);
  }

  private addNumbers(numbers: ArrayLike<number>, bytes: number): void {
    let state = this.state;
    for (let k = 0; k < numbers.length; k++) {
      const x = numbers[k] ?? 0;
      if (bytes === 4) places.setFloat32(0, x, true);
      else places.setFloat64(0, x, true);
      for (let at = 0; at < bytes; at += 4) {
        const word = Number.isNaN(x) ? 0x7fc00000 : places.getInt32(at, true);
        const mixed = Math.imul(word, 0xcc9e2d51);
        state ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
        state = (Math.imul((state << 13) | (state >>> 19), 5) + 0xe6546b64) | 0;
      }
    }
    this.state = state;
  }

  toString(): string {
    return (this.state >>> 0).toString(16).padStart(8, "0");
  }
}

function isFloats(got: object): got is Floats {
  return ArrayBuffer.isView(got);
}

/** Each method by itself: they are code of their own in the kernels. */
function recordAll(
  record: Recorder,
  name: string,
  Type: FloatsConstructor,
  loss: unknown,
  args: readonly [unknown, unknown, Settings],
): void {
  if (!isCalls(loss)) throw new TypeError(`${name} is no loss`);
  record(name, Type, "value", loss(...args));
  record(name, Type, "grad", loss.grad(...args));
  const both = loss.valueAndGrad(...args);
  record(name, Type, "value", both.value);
  record(name, Type, "grad", both.grad);
  const all = loss.valueGradHess(...args);
  record(name, Type, "value", all.value);
  record(name, Type, "grad", all.grad);
  record(name, Type, "hess", all.hess);
  const total = loss.total?.(...args);
  if (total !== undefined) for (const part of [total.sum, total.weight]) record(name, Type, "value", part);
}

function isCalls(loss: unknown): loss is Calls {
  return typeof loss === "function" && "valueGradHess" in loss;
}

/** Seeded numbers of a type. */
class Draws {
  private state: number;

  constructor(
    private readonly Type: FloatsConstructor,
    seed: number,
  ) {
    this.state = Math.imul(seed + 1, 0x9e3779b1);
  }

  /** 32 bits. Mulberry32. */
  bits(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (bits ^ (bits >>> 14)) >>> 0;
  }

  below(n: number): number {
    return this.bits() % n;
  }

  fill(n: number, one: (k: number) => number): Floats {
    const array = new this.Type(n);
    for (let k = 0; k < n; k++) array[k] = one(k);
    return array;
  }

  /** In ±16, with all the digits that the type has. */
  near = (): number => {
    const high = this.bits() | 0;
    // Multiples of 2⁻¹⁹ or of 2⁻⁴⁷.
    if (this.Type === Float32Array) return (high >> 8) / 0x80000;
    return (high * 0x100000 + (this.bits() >>> 12)) / 0x800000000000;
  };

  /** From 2⁻²⁰ to 2²⁰ times that. */
  mixed = (): number => this.near() * power(this.below(41) - 20);

  /** Of every exponent, infinite and NaN too. */
  any = (): number => (this.Type === Float32Array ? single(this.bits()) : double(this.bits(), this.bits()));

  /** In [0, 1], a sixteenth of them at its ends. */
  share = (): number => {
    const end = this.below(32);
    return end < 2 ? end : (this.bits() >>> 8) / 0x1000000;
  };

  /** In [0, 1), of every exponent. */
  anyShare = (): number =>
    this.Type === Float32Array ? single(this.below(0x3f800000)) : double(this.below(0x3ff00000), this.bits());

  label = (): number => this.below(2);

  /** Eighths up to 2, some of them 0. */
  weight = (): number => this.below(17) / 8;
}

function single(bits: number): number {
  places.setUint32(0, bits);
  return places.getFloat32(0);
}

function double(high: number, low: number): number {
  places.setUint32(0, high);
  places.setUint32(4, low);
  return places.getFloat64(0);
}

/** 2ⁿ. */
function power(n: number): number {
  return double((1023 + n) << 20, 0);
}

/** Any numbers, or those in [0, 1]; labels are 0 and 1. */
interface Domain {
  readonly x?: "share";
  readonly y?: "share" | "label";
  readonly settings: readonly Settings[];
}

const elements = {
  mae: { settings: [{}] },
  mse: { settings: [{}] },
  rmse: { settings: [{}] },
  huber: { settings: [{}, { delta: 0.1 }] },
  logCosh: { settings: [{}] },
  charbonnier: { settings: [{}, { epsilon: 0.001 }] },
  bce: { x: "share", y: "share", settings: [{}, { epsilon: 0 }] },
  bceWithLogits: { y: "share", settings: [{}, { posWeight: 7 }, { posWeight: 0.3, labelSmoothing: 0.1 }] },
  focal: { x: "share", y: "label", settings: [{}, { alpha: null, gamma: 0.5, epsilon: 0 }, { gamma: 3 }] },
  focalWithLogits: { y: "label", settings: [{}, { alpha: null, gamma: 0.5 }, { gamma: 3 }] },
} as const satisfies Partial<{ readonly [K in keyof Package]: Domain }>;

/** Odd ones, and several rounds through the staging memory of 2048 elements each. */
const lengths = [0, 1, 2, 3, 5, 8, 13, 67, 4109];

const magnitudes = ["near", "mixed", "any"] as const;

function recordElements(simdloss: Package, Type: FloatsConstructor, record: Recorder): void {
  const losses: Settings = { ...simdloss };
  for (const [name, domain] of Object.entries<Domain>(elements)) {
    for (const n of lengths) {
      for (const magnitude of magnitudes) {
        const draws = new Draws(Type, n);
        const number = draws[magnitude];
        const share = magnitude === "near" ? draws.share : draws.anyShare;
        const residual = magnitude === "any" ? () => (draws.label() ? number() : 0) : number;
        const x = draws.fill(n, domain.x ? share : number);
        const y = draws.fill(n, domain.y ? draws[domain.y] : residual);
        const weights = weightsOf(draws, n, magnitude);
        for (const settings of domain.settings) {
          for (const reduction of name === "rmse" ? (["mean"] as const) : reductions) {
            for (const weighted of [{}, { weights }]) {
              recordAll(record, name, Type, losses[name], [x, y, { ...settings, ...weighted, reduction }]);
            }
          }
        }
      }
    }
  }
}

/** Their total far from 1 too: means over it are taken in another unit. */
function weightsOf(draws: Draws, n: number, magnitude: string): Floats {
  const unit = magnitude === "mixed" ? power(-110) : 1;
  return draws.fill(n, () => unit * draws.weight());
}

/** What a loss of rows is called with: logits, other numbers, or probabilities, and one of several kinds of target. */
interface RowDomain {
  readonly name: keyof Package;
  readonly x: "number" | "share";
  readonly y: "number" | "share" | "index" | "one-hot";
  readonly settings: (classWeights: Floats) => readonly Settings[];
}

const plain = (): readonly Settings[] => [{}];
const weighed = (classWeights: Floats): readonly Settings[] => [{}, { classWeights, labelSmoothing: 0.125 }];

const rows: Readonly<Record<string, RowDomain>> = {
  "softmaxCrossEntropy of indices": { name: "softmaxCrossEntropy", x: "number", y: "index", settings: weighed },
  "softmaxCrossEntropy of one-hot": { name: "softmaxCrossEntropy", x: "number", y: "one-hot", settings: weighed },
  "softmaxCrossEntropy of shares": { name: "softmaxCrossEntropy", x: "number", y: "share", settings: weighed },
  "softmaxCrossEntropy, some ignored": {
    name: "softmaxCrossEntropy",
    x: "number",
    y: "index",
    settings: (classWeights) => [{ ignoreIndex: 0 }, { ignoreIndex: 0, classWeights }],
  },
  klDivergence: { name: "klDivergence", x: "share", y: "share", settings: () => [{}, { epsilon: 0.01 }] },
  klDivergenceWithLogits: { name: "klDivergenceWithLogits", x: "number", y: "share", settings: plain },
  distillation: { name: "distillation", x: "number", y: "number", settings: () => [{}, { temperature: 3.5 }] },
  gaussianKl: { name: "gaussianKl", x: "number", y: "number", settings: plain },
};

/** Rows side by side, up to 128 numbers, and in a line. */
const shapes: readonly (readonly [count: number, length: number])[] = [
  [0, 3],
  [1, 1],
  [3, 1],
  [5, 2],
  [7, 3],
  [6, 10],
  [5, 67],
  [3, 128],
  [3, 129],
  [2, 1003],
];

/** Several rounds of 8192 numbers at most, and rows longer than that. */
const longShapes: typeof shapes = [
  [4099, 2],
  [63, 131],
  [1, 8211],
];

function recordRows(simdloss: Package, Type: FloatsConstructor, record: Recorder): void {
  for (const [title, domain] of Object.entries(rows)) {
    for (const magnitude of magnitudes) {
      for (const [count, length] of magnitude === "near" ? [...shapes, ...longShapes] : shapes) {
        const n = count * length;
        const draws = new Draws(Type, n);
        const labels = Int32Array.from({ length: count }, () => draws.below(length));
        const number = draws[magnitude];
        const share = magnitude === "near" ? draws.share : draws.anyShare;
        const x = draws.fill(n, domain.x === "share" ? share : number);
        const y = {
          number: () => draws.fill(n, number),
          share: () => draws.fill(n, () => (draws.below(8) ? share() : 0)),
          index: () => labels,
          "one-hot": () => draws.fill(n, (k) => (labels[Math.floor(k / length)] === k % length ? 1 : 0)),
        }[domain.y]();
        const weights = weightsOf(draws, count, magnitude);
        const classWeights = weightsOf(draws, length, magnitude);
        const size = { [domain.name === "gaussianKl" ? "latent" : "classes"]: length };
        for (const settings of domain.settings(classWeights)) {
          for (const reduction of reductions) {
            for (const weighted of [{}, { weights }]) {
              const options = { ...size, ...settings, ...weighted, reduction };
              recordAll(record, title, Type, simdloss[domain.name], [x, y, options]);
            }
          }
        }
      }
    }
  }
}

function recordFeatures({ perceptual }: Package, Type: FloatsConstructor, record: Recorder): void {
  for (const magnitude of magnitudes) {
    const draws = new Draws(Type, 0);
    const layers = (): Floats[] => [5, 2049, 4101].map((n) => draws.fill(n, draws[magnitude]));
    const [x, y] = [layers(), layers()];
    for (const settings of [{}, { layerWeights: [0.3, 0, 7] }]) {
      for (const reduction of reductions)
        recordAll(record, "perceptual", Type, perceptual, [x, y, { ...settings, reduction }]);
    }
  }
}

/** Of the window's size, and in several strips. */
const images = [
  { width: 11, height: 11 },
  { width: 29, height: 45, channels: 3, images: 2 },
  { width: 64, height: 70, peak: 255 },
];

function recordImages({ ssim }: Package, Type: FloatsConstructor, record: Recorder): void {
  for (const size of images) {
    const draws = new Draws(Type, size.height);
    const { width, height, channels = 1, images: count = 1, peak = 1 } = size;
    const n = width * height * channels * count;
    const image = (): Floats => draws.fill(n, () => peak * draws.share());
    const [x, y] = [image(), image()];
    record("ssim", Type, "value", ssim(x, y, size));
    const { value, grad } = ssim.valueAndGrad(x, y, size);
    record("ssim", Type, "value", value);
    record("ssim", Type, "grad", grad);
  }
}
