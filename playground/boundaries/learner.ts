/** A small network that learns to tell the classes apart with one of three losses. */
import { Network } from "../network.js";
import type { Losses } from "../shell/losses.js";
import type { Data } from "./data.js";

export const names = ["bce", "focal", "KL"] as const;
export type Name = (typeof names)[number];

/** What may be changed while it learns. */
export interface Settings {
  readonly gamma: number;
  /** null: off */
  readonly alpha: number | null;
  readonly smoothing: number;
  /** Of Adam. */
  readonly rate: number;
}

/** Of the points it learns from, at p ≥ ½. */
export interface Scores {
  /** Of the rare class's points, those that are found. */
  readonly recall: number;
  /** Of the points that are taken for rare ones, those that are; NaN where there are none. */
  readonly precision: number;
  readonly accuracy: number;
}

/** How a loss is asked for its value and gradient. */
interface Asked {
  /** Of the network. */
  readonly outputs: 1 | 2;
  valueAndGrad(logits: Float32Array, grad: Float32Array, settings: Settings): number;
}

function asked(name: Name, losses: Losses, labels: Float32Array): Asked {
  switch (name) {
    case "bce":
      return {
        outputs: 1,
        valueAndGrad: (logits, grad, { smoothing }) =>
          losses.bceWithLogits.valueAndGrad(logits, labels, { labelSmoothing: smoothing, out: { grad } }).value,
      };
    case "focal":
      return {
        outputs: 1,
        valueAndGrad: (logits, grad, { alpha, gamma }) =>
          losses.focalWithLogits.valueAndGrad(logits, labels, { alpha, gamma, out: { grad } }).value,
      };
    case "KL": {
      const targets = new Float32Array(2 * labels.length);
      return {
        outputs: 2,
        valueAndGrad: (logits, grad, { smoothing }) => {
          for (const [k, label] of labels.entries()) {
            const rare = label * (1 - smoothing) + smoothing / 2;
            targets[2 * k] = 1 - rare;
            targets[2 * k + 1] = rare;
          }
          return losses.klDivergenceWithLogits.valueAndGrad(logits, targets, { classes: 2, out: { grad } }).value;
        },
      };
    }
  }
}

/** Of the rare class: σ of the logit, or of the difference of two, which is their softmax. */
function probabilitiesOf(logits: Float32Array, outputs: 1 | 2): Float32Array {
  return Float32Array.from({ length: logits.length / outputs }, (_, k) => {
    const logit = outputs === 1 ? (logits[k] ?? 0) : (logits[2 * k + 1] ?? 0) - (logits[2 * k] ?? 0);
    return 1 / (1 + Math.exp(-logit));
  });
}

export class Learner {
  readonly name: Name;
  readonly #data: Data;
  readonly #asked: Asked;
  readonly #network: Network;
  readonly #grad: Float32Array;
  #steps = 0;

  /** Learners of one seed have the same first hidden layers. */
  constructor(name: Name, losses: Losses, data: Data, seed: number) {
    this.name = name;
    this.#data = data;
    this.#asked = asked(name, losses, data.labels);
    this.#network = new Network({ sizes: [2, 16, 16, this.#asked.outputs], last: "linear", seed });
    this.#grad = new Float32Array(data.labels.length * this.#asked.outputs);
  }

  get steps(): number {
    return this.#steps;
  }

  /** Its loss now, over all points. */
  loss(settings: Settings): number {
    const logits = this.#network.forward(this.#data.points, this.#data.labels.length);
    return this.#asked.valueAndGrad(logits, this.#grad, settings);
  }

  /** Takes a step down the gradient over all points, and gives the loss from which it was taken. */
  step(settings: Settings): number {
    const value = this.loss(settings);
    this.#network.backward(this.#grad);
    this.#network.step(settings.rate);
    this.#steps++;
    return value;
  }

  /** Of the rare class, at points x and y one after another. */
  probabilities(points: Float32Array): Float32Array {
    return probabilitiesOf(this.#network.forward(points, points.length / 2), this.#asked.outputs);
  }

  scores(): Scores {
    const { points, labels } = this.#data;
    let [found, taken, right, rare] = [0, 0, 0, 0];
    for (const [k, probability] of this.probabilities(points).entries()) {
      const [is, seems] = [labels[k] === 1, probability >= 0.5];
      if (is) rare++;
      if (seems) taken++;
      if (is && seems) found++;
      if (is === seems) right++;
    }
    return { recall: found / rare, precision: found / taken, accuracy: right / labels.length };
  }
}
