/** simdloss on arrays that lie in different places, and the plain loops of ../naive.ts and ../rows.ts. */
import { readFileSync } from "node:fs";
import * as kernels from "simdloss";
import { Arena } from "simdloss";
import { createPool, type Pool } from "simdloss/parallel";
import { naive } from "../naive.js";
import { careful, type Gaussian, temperature } from "../rows.js";
import { type Contestant, nanoseconds, type Repeat, type Runner, repeat, same, type Task, wellAdded } from "./task.js";

const wasm = { ...kernels };
const { version }: { version: string } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);

/** Where arrays lie. */
interface Place {
  float32(length: number): Float32Array;
  int32(length: number): Int32Array;
}

const heap: Place = {
  float32: (length) => new Float32Array(length),
  int32: (length) => new Int32Array(length),
};

const shared: Place = {
  float32: (length) => new Float32Array(new SharedArrayBuffer(4 * length)),
  int32: (length) => new Int32Array(new SharedArrayBuffer(4 * length)),
};

/** What losses of two arrays of floats have in common. */
interface OfFloats<O> {
  valueAndGrad(x: Float32Array, y: Float32Array, options: O): { value: number };
}

/** The ways to work one task out, all on the same arrays. */
interface Ways {
  readonly grads: readonly Float32Array[];
  readonly call: () => { readonly value: number };
  readonly inPool: (pool: Pool) => Promise<{ readonly value: number }>;
  readonly loop: () => number;
}

function waysOf(task: Task, place: Place): Ways {
  const { prediction, length } = task;
  const floats = (own: Float32Array): Float32Array => {
    const array = place.float32(own.length);
    array.set(own);
    return array;
  };
  const x = floats(prediction);
  const grad = place.float32(prediction.length);
  const out = { grad };
  if (task.loss === "softmaxCrossEntropy") {
    const y = place.int32(task.target.length);
    y.set(task.target);
    const own = wasm[task.loss];
    const other = careful[task.loss];
    const options = { classes: length, out };
    return {
      grads: [grad],
      call: () => own.valueAndGrad(x, y, options),
      inPool: (pool) => pool.valueAndGrad(own, x, y, options),
      loop: () => other.valueAndGrad(x, y, grad, length),
    };
  }
  const y = floats(task.target);
  switch (task.loss) {
    case "klDivergence":
    case "klDivergenceWithLogits": {
      const options = { classes: length, out };
      const pooled = wasm[task.loss];
      const own: OfFloats<typeof options> = pooled;
      const other = careful[task.loss];
      return {
        grads: [grad],
        call: () => own.valueAndGrad(x, y, options),
        inPool: (pool) => pool.valueAndGrad(pooled, x, y, options),
        loop: () => other.valueAndGrad(x, y, grad, length),
      };
    }
    case "distillation": {
      const options = { classes: length, temperature, out };
      const own = wasm[task.loss];
      const other = careful[task.loss];
      return {
        grads: [grad],
        call: () => own.valueAndGrad(x, y, options),
        inPool: (pool) => pool.valueAndGrad(own, x, y, options),
        loop: () => other.valueAndGrad(x, y, grad, length),
      };
    }
    case "gaussianKl": {
      const both: Gaussian = { mean: grad, logVariance: place.float32(prediction.length) };
      const options = { latent: length, out: { grad: both } };
      const own = wasm[task.loss];
      const other = careful[task.loss];
      return {
        grads: [both.mean, both.logVariance],
        call: () => own.valueAndGrad(x, y, options),
        inPool: (pool) => pool.valueAndGrad(own, x, y, options),
        loop: () => other.valueAndGrad(x, y, both, length),
      };
    }
    default: {
      const options = { out };
      const pooled = wasm[task.loss];
      const own: OfFloats<typeof options> = pooled;
      const other = naive[task.loss];
      return {
        grads: [grad],
        call: () => own.valueAndGrad(x, y, options),
        inPool: (pool) => pool.valueAndGrad(pooled, x, y, options),
        loop: () => other.valueAndGrad(x, y, grad),
      };
    }
  }
}

/** Runs on arrays in that place. */
function contestant(
  about: Pick<Contestant, "name" | "version" | "tolerance">,
  place: Place,
  way: (ways: Ways) => () => number,
): Contestant {
  return {
    ...about,
    start(task) {
      const ways = waysOf(task, place);
      const run = way(ways);
      return timed(run(), ways.grads, repeat(run));
    },
    close() {},
  };
}

function timed(value: number, grads: readonly Float32Array[], repeat: Repeat): Runner {
  return { value, grads, time: (milliseconds) => nanoseconds(repeat, milliseconds), close() {} };
}

const byPackage =
  ({ call }: Ways) =>
  () =>
    call().value;

export const staged = contestant({ name: "simdloss", version, tolerance: same }, heap, byPackage);

export const loop = contestant({ name: "plain loop", version: "", tolerance: wellAdded }, heap, ({ loop }) => loop);

/** With room for four arrays of so many elements, of rows up to `length` long: those longer than 8192 are worked on in 96 bytes a number. */
export function inArena(elements: number, length: number): Contestant {
  const arena = new Arena({ bytes: 16 * elements + 96 * length });
  const { start, ...about } = contestant({ name: "in Arena", version: "", tolerance: same }, arena, byPackage);
  return {
    ...about,
    start(task) {
      arena.reset();
      return start(task);
    },
  };
}

export async function inPool(): Promise<Contestant> {
  const pool = await createPool({ threads: 2 });
  return {
    name: "2 threads",
    version: "",
    tolerance: same,
    async start(task) {
      const ways = waysOf(task, shared);
      const run = async () => (await ways.inPool(pool)).value;
      return timed(await run(), ways.grads, async (calls) => {
        for (let call = 0; call < calls; call++) await run();
      });
    },
    close: () => pool.close(),
  };
}
