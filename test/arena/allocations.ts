/**
 * Prints, as JSON, what calls with `out` take of the heap, in a process of their own with --expose-gc and a large young generation. Between two
 * collections the heap grows by all that is allocated, if no other comes between; what it has grown by after the last one was kept.
 */
import { PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import * as simdloss from "../../src/index.js";
import { type Floats, type FloatsConstructor, lossesOf, type Name, specs } from "../implementations.js";
import { collector } from "../memories.js";
import { drawData } from "../random.js";
import { drawRows, kinds, rowsOf, titleOf } from "../rows/implementations.js";

/** Of a call, in bytes, over a million of them. */
export interface Taken {
  readonly what: string;
  readonly allocated: number;
  readonly kept: number;
}

const CALLS = 1e6;
/** Measured at a time. */
const PART = CALLS / 10;

const collect = collector();
const used = () => getHeapStatistics().used_heap_size;

let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ["gc"] });

/** What was returned last, so that no compiler leaves it out. */
const sink: { last: unknown } = { last: undefined };

async function take(what: string, call: () => unknown): Promise<Taken> {
  const run = (times: number) => {
    for (let k = 0; k < times; k++) sink.last = call();
  };
  // Until the compilers are done with it.
  for (let k = 0; k < 5; k++) {
    run(PART / 10);
    await settled();
  }
  collect();
  const start = used();
  let allocated = 0;
  for (let done = 0; done < CALLS; done += PART) {
    await settled();
    const counted = collections;
    const before = used();
    run(PART);
    allocated += used() - before;
    await settled();
    if (collections > counted) throw new Error(`${what}: the heap was collected while it was measured`);
    collect();
  }
  await settled();
  return { what, allocated: allocated / CALLS, kept: (used() - start) / CALLS };
}

/** Has collections counted. */
function settled(): Promise<void> {
  return new Promise((done) => setTimeout(done, 2));
}

const arena = new simdloss.Arena({ bytes: 2 ** 20 });
const losses = lossesOf(simdloss);
const rows = rowsOf(simdloss);
const found: Taken[] = [];

// What is returned, alone: an object of two, one of which is a number that is not small and whole.
let value = 0.5;
const grad = new Float32Array(1);
found.push(
  await take("{ value, grad }", () => {
    value = -value;
    return { value, grad };
  }),
);

/** Of one pass and of two, worked out in f32 and in f64. */
const elements: readonly (readonly [name: Name, Type: FloatsConstructor])[] = [
  ["mse", Float32Array],
  ["huber", Float64Array],
  ["bceWithLogits", Float32Array],
  ["focalWithLogits", Float32Array],
  ["rmse", Float32Array],
];

/** With labels, and with derivatives by both arrays. */
const ofRows = kinds.filter(({ name, targets }) => name === "gaussianKl" || targets === "indices");

for (const where of ["arena", "ordinary"] as const) {
  const put = (content: Floats): Floats => {
    if (where === "ordinary") return content;
    const array = content.BYTES_PER_ELEMENT === 4 ? arena.float32(content.length) : arena.float64(content.length);
    array.set(content);
    return array;
  };
  for (const [name, Type] of elements) {
    const data = drawData(specs[name], Type, 16);
    const [prediction, target] = [put(data.prediction), put(data.target)];
    const options = { out: { grad: put(new Type(16)) } };
    const call = () => losses[name].valueAndGrad(prediction, target, options);
    found.push(await take(`${where}: ${name} ${Type.name}`, call));
  }
  for (const kind of ofRows) {
    const batch = drawRows(kind, Float32Array, 4, 4);
    const prediction = put(batch.prediction);
    const target = batch.target instanceof Int32Array ? batch.target : put(batch.target);
    const blank = () => put(new Float32Array(16));
    const grad = kind.spec.both ? { mean: blank(), logVariance: blank() } : blank();
    const options = { ...batch.options, out: { grad } };
    const call = () => rows[kind.name].valueAndGrad(prediction, target, options);
    found.push(await take(`${where}: ${titleOf(kind)}`, call));
  }
}
observer.disconnect();
console.log(JSON.stringify(found));
