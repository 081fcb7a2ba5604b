/** jax-js on its wasm backend: jit and valueAndGrad of formulas in its operations. It has no losses; arrays are there before it is timed, the value and the gradient are read back. */
import { readFileSync } from "node:fs";
import { defaultDevice, init, jit, nn, numpy as np, type Array as Tensor, valueAndGrad } from "@jax-js/jax";
import { temperature } from "../../rows.js";
import {
  type Contestant,
  denseTarget,
  epsilon as least,
  type Name,
  nanoseconds,
  plainlyAdded,
  repeat,
  type Task,
} from "../task.js";

type Formula = (x: Tensor, y: Tensor) => Tensor;

const epsilon = 1e-6;
const clamp = 1e-7;
const alpha = 0.25;
const gamma = 2;

/** −y log σ(x) − (1 − y) log σ(−x), as Optax' sigmoid_binary_cross_entropy. */
function crossEntropy(x: Tensor, y: Tensor): Tensor {
  const hit = nn.logSigmoid(x.ref).mul(y.ref);
  const miss = nn.logSigmoid(x.neg()).mul(y.neg().add(1));
  return hit.add(miss).neg();
}

/** α_t (1 − p_t)^γ. */
function focus(hit: Tensor, y: Tensor): Tensor {
  const weight = y.mul(2 * alpha - 1).add(1 - alpha);
  return weight.mul(np.power(hit.neg().add(1), gamma));
}

function rows(terms: Tensor): Tensor {
  return np.mean(np.sum(terms, -1));
}

const formulas: Readonly<Record<Name, Formula>> = {
  mae: (x, y) => np.mean(np.absolute(x.sub(y))),
  mse: (x, y) => np.mean(np.square(x.sub(y))),
  rmse: (x, y) => np.sqrt(np.mean(np.square(x.sub(y)))),
  /** As Optax: ½ c² + δ (|e| − c), c = min(|e|, δ). */
  huber(x, y) {
    const size = np.absolute(x.sub(y));
    const near = np.minimum(size.ref, 1);
    return np.mean(np.square(near.ref).mul(0.5).add(size.sub(near)));
  },
  /** As Keras: e + softplus(−2e) − log 2. */
  logCosh(x, y) {
    const e = x.sub(y);
    return np.mean(e.ref.add(nn.softplus(e.mul(-2))).sub(Math.log(2)));
  },
  charbonnier: (x, y) => np.mean(np.sqrt(np.square(x.sub(y)).add(epsilon ** 2))),
  bce(x, y) {
    const p = np.clip(x, clamp, 1 - clamp);
    const hit = np.log(p.ref).mul(y.ref);
    const miss = np.log(p.neg().add(1)).mul(y.neg().add(1));
    return np.mean(hit.add(miss)).neg();
  },
  bceWithLogits: (x, y) => np.mean(crossEntropy(x, y)),
  focal(x, y) {
    const p = np.clip(x, clamp, 1 - clamp);
    const hit = np.where(np.equal(y.ref, 1), p.ref, p.neg().add(1));
    return np.mean(focus(hit.ref, y).mul(np.log(hit))).neg();
  },
  focalWithLogits(x, y) {
    const p = nn.sigmoid(x.ref);
    const hit = p.ref.mul(y.ref).add(p.neg().add(1).mul(y.ref.neg().add(1)));
    return np.mean(focus(hit, y.ref).mul(crossEntropy(x, y)));
  },
  softmaxCrossEntropy: (x, oneHot) => rows(nn.logSoftmax(x, -1).mul(oneHot)).neg(),
  klDivergence: (q, p) => rows(p.ref.mul(np.log(p.div(np.maximum(q, least))))),
  klDivergenceWithLogits: (x, p) => rows(p.ref.mul(np.log(p).sub(nn.logSoftmax(x, -1)))),
  distillation(x, teacher) {
    const log = nn.logSoftmax(teacher.div(temperature), -1);
    return rows(np.exp(log.ref).mul(log.sub(nn.logSoftmax(x.div(temperature), -1)))).mul(temperature ** 2);
  },
  gaussianKl: (mean, log) => rows(np.square(mean).add(np.exp(log.ref)).sub(1).sub(log)).mul(0.5),
};

function arrays(task: Task): [Tensor, Tensor] {
  const { rows, length, prediction } = task;
  const shape = length === 1 ? [rows] : [rows, length];
  return [np.array(prediction, { shape }), np.array(denseTarget(task), { shape })];
}

export async function jax(): Promise<Contestant> {
  await init("wasm");
  defaultDevice("wasm");
  const packageFile = new URL("node_modules/@jax-js/jax/package.json", import.meta.url);
  const { version }: { version: string } = JSON.parse(readFileSync(packageFile, "utf8"));
  return {
    name: "jax-js",
    version,
    tolerance: plainlyAdded,
    start(task) {
      const [x, y] = arrays(task);
      const one = jit(valueAndGrad(formulas[task.loss], { argnums: 0 }));
      const both = jit(valueAndGrad(formulas[task.loss], { argnums: [0, 1] }));
      const call = (): [Tensor, readonly Tensor[]] => {
        if (task.loss === "gaussianKl") return both(x.ref, y.ref);
        const [value, grad] = one(x.ref, y.ref);
        return [value, [grad]];
      };
      const run = () => {
        const [value, grads] = call();
        return { value: value.dataSync(), grads: grads.map((grad) => grad.dataSync()) };
      };
      const { value, grads } = run();
      return {
        value: value[0] ?? Number.NaN,
        grads: grads.map((grad) => new Float32Array(grad)),
        time: (milliseconds) => nanoseconds(repeat(run), milliseconds),
        close() {
          x.dispose();
          y.dispose();
        },
      };
    },
    close() {},
  };
}
