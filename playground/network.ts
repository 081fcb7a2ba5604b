/** A small network that learns from whatever gradient it is given: all that a training loop needs besides a loss. */
import { gaussian, seeded } from "../examples/random.js";

/** Outputs are f(Σ inputs × weights + bias). */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** A row for each input, and one for the bias. */
  readonly weights: Float32Array;
  /** Of the loss, by the weights. */
  readonly gradient: Float32Array;
  /** Adam's running means of the gradient and of its square. */
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

type Activation = "tanh" | "sigmoid" | "linear";

const activate: Readonly<Record<Activation, (sum: number) => number>> = {
  tanh: Math.tanh,
  sigmoid: (sum) => 1 / (1 + Math.exp(-sum)),
  linear: (sum) => sum,
};
/** By what the activation gave. */
const slope: Readonly<Record<Activation, (output: number) => number>> = {
  tanh: (output) => 1 - output * output,
  sigmoid: (output) => output * (1 - output),
  linear: () => 1,
};

export interface Shape {
  /** Of the inputs, of each hidden layer, of the outputs. */
  readonly sizes: readonly number[];
  /** After the last layer; all others are tanh. */
  readonly last: Activation;
  /** The first bias of the last layer. */
  readonly bias?: number;
  readonly seed: number;
}

export class Network {
  readonly layers: readonly Layer[];
  readonly #last: Activation;
  /** The inputs, and each layer's outputs; by which layers are trained. */
  #values: readonly Float32Array[] = [];
  #rows = 0;
  #steps = 0;

  constructor({ sizes, last, bias = 0, seed }: Shape) {
    const random = seeded(seed);
    this.#last = last;
    this.layers = sizes.slice(1).map((outputs, place) => {
      const inputs = sizes[place] ?? 0;
      const count = (inputs + 1) * outputs;
      const deviation = Math.sqrt(2 / (inputs + outputs)); // Glorot and Bengio (2010)
      const first = place === sizes.length - 2 ? bias : 0;
      const weights = Float32Array.from({ length: count }, (_, k) =>
        k < inputs * outputs ? deviation * gaussian(random) : first,
      );
      const zeros = (): Float32Array => new Float32Array(count);
      return { inputs, outputs, weights, gradient: zeros(), mean: zeros(), square: zeros() };
    });
  }

  /** The outputs of rows of inputs; they stay as they are until the next call. */
  forward(input: Float32Array, rows: number): Float32Array {
    if (rows !== this.#rows) {
      this.#values = [input, ...this.layers.map(({ outputs }) => new Float32Array(rows * outputs))];
      this.#rows = rows;
    }
    this.#values = [input, ...this.#values.slice(1)];
    for (const [place, layer] of this.layers.entries()) {
      const from = this.#values[place] ?? input;
      const to = this.#values[place + 1] ?? input;
      spread(layer, from, to, rows);
      const f = activate[this.#activation(place)];
      for (let k = 0; k < to.length; k++) to[k] = f(to[k] ?? 0);
    }
    return this.#values.at(-1) ?? input;
  }

  /** Sets each layer's gradient, from that of the loss by the outputs of the last call of forward. */
  backward(byOutputs: Float32Array): void {
    let back = byOutputs.slice();
    for (let place = this.layers.length - 1; place >= 0; place--) {
      const layer = this.layers[place];
      const from = this.#values[place];
      const to = this.#values[place + 1];
      if (layer === undefined || from === undefined || to === undefined)
        throw new Error("backward comes after forward");
      const df = slope[this.#activation(place)];
      for (let k = 0; k < back.length; k++) back[k] = (back[k] ?? 0) * df(to[k] ?? 0);
      back = gather(layer, from, back, this.#rows, place > 0);
    }
  }

  /** Adam: Kingma and Ba (2015), arXiv:1412.6980. */
  step(rate: number): void {
    this.#steps++;
    const far = rate * (Math.sqrt(1 - 0.999 ** this.#steps) / (1 - 0.9 ** this.#steps));
    for (const { weights, gradient, mean, square } of this.layers) {
      for (let k = 0; k < weights.length; k++) {
        const g = gradient[k] ?? 0;
        const m = 0.9 * (mean[k] ?? 0) + 0.1 * g;
        const s = 0.999 * (square[k] ?? 0) + 0.001 * g * g;
        mean[k] = m;
        square[k] = s;
        weights[k] = (weights[k] ?? 0) - (far * m) / (Math.sqrt(s) + 1e-8);
      }
    }
  }

  #activation(place: number): Activation {
    return place === this.layers.length - 1 ? this.#last : "tanh";
  }
}

/** Each row's sums; the inner loops run along the weights. */
function spread({ inputs, outputs, weights }: Layer, from: Float32Array, to: Float32Array, rows: number): void {
  for (let row = 0; row < rows; row++) {
    const at = row * outputs;
    to.set(weights.subarray(inputs * outputs), at);
    for (let i = 0; i < inputs; i++) {
      const x = from[row * inputs + i] ?? 0;
      if (x === 0) continue; // most pixels of a digit are
      const w = i * outputs;
      for (let j = 0; j < outputs; j++) to[at + j] = (to[at + j] ?? 0) + x * (weights[w + j] ?? 0);
    }
  }
}

/** Sets the gradient by the weights, and returns that by the inputs, if there is a use for it. */
function gather(
  layer: Layer,
  from: Float32Array,
  back: Float32Array,
  rows: number,
  further: boolean,
): Float32Array<ArrayBuffer> {
  const { inputs, outputs, weights, gradient } = layer;
  const byInputs = new Float32Array(further ? rows * inputs : 0);
  gradient.fill(0);
  for (let row = 0; row < rows; row++) {
    const at = row * outputs;
    for (let i = 0; i <= inputs; i++) {
      const x = i < inputs ? (from[row * inputs + i] ?? 0) : 1;
      const w = i * outputs;
      if (x !== 0) for (let j = 0; j < outputs; j++) gradient[w + j] = (gradient[w + j] ?? 0) + x * (back[at + j] ?? 0);
      if (!further || i === inputs) continue;
      let sum = 0;
      for (let j = 0; j < outputs; j++) sum += (back[at + j] ?? 0) * (weights[w + j] ?? 0);
      byInputs[row * inputs + i] = sum;
    }
  }
  return byInputs;
}
