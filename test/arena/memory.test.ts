/** That nothing of arrays in an arena is copied, that no memory grows, and that calls allocate nothing. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { expectBits } from "../bits.js";
import { type Floats, lossesOf, names, reductionsOf, specs, types } from "../implementations.js";
import { bytesOf, watchMemories } from "../memories.js";
import { drawData } from "../random.js";
import { drawRows, kinds, rowsOf, titleOf } from "../rows/implementations.js";
import { outOf } from "../rows/results.js";
import type { Taken } from "./allocations.js";
import type { Ground } from "./ground.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.resetModules();
});

/** The package, and grounds in its arenas, anew, so that they see what stands in for the globals. */
async function load() {
  vi.resetModules();
  const simdloss = await import("../../src/index.js");
  const { Ground } = await import("./ground.js");
  return { simdloss, Ground };
}

/** Counts the elements that are copied from array to array, and the arrays and views that are made. */
function watchArrays(): { copied: number; made: number } {
  const count = { copied: 0, made: 0 };
  for (const Type of [Float32Array, Float64Array, Int32Array, Uint8Array]) {
    vi.stubGlobal(
      Type.name,
      new Proxy(Type, {
        construct(target, values, as) {
          count.made++;
          return Reflect.construct(target, values, as);
        },
      }),
    );
  }
  const prototype: Float32Array = Object.getPrototypeOf(Float32Array.prototype);
  for (const method of ["set", "copyWithin", "fill", "slice", "subarray"] as const) {
    const original = prototype[method];
    vi.spyOn(prototype, method).mockImplementation(function (this: Float32Array, ...values: unknown[]) {
      const from = method === "set" ? values[0] : this;
      count.copied += ArrayBuffer.isView(from) || Array.isArray(from) ? Number(Reflect.get(from, "length")) : 0;
      return Reflect.apply(original, this, values);
    });
  }
  return count;
}

/** Of the kernels' memory, where they keep what is their own. */
const PAGE = 65536;

describe("losses of elements on arrays of an arena", () => {
  it.each([67, 2048, 50_000])("copy nothing and make no array or view: %i elements", async (n) => {
    const drawn = names.flatMap((name) => types.map((Type) => ({ name, Type, data: drawData(specs[name], Type, n) })));
    const count = watchArrays();
    const { simdloss, Ground } = await load();
    const losses = lossesOf(simdloss);
    const ground = new Ground(6 * (8 * n + 1024));
    for (const { name, Type, data } of drawn) {
      ground.arena.reset();
      const [prediction, target] = [ground.put(data.prediction, 1), ground.put(data.target, 2)];
      const weights = ground.put(data.weights, 3);
      const [value, grad, hess] = [new Type(n), new Type(n), new Type(n)].map((array, k) => ground.put(array, k));
      const call = (weighted: boolean) => {
        for (const reduction of reductionsOf(specs[name])) {
          const out = reduction === "none" ? { value, grad, hess } : { grad, hess };
          const options = { reduction, out, weights: weighted ? weights : undefined };
          losses[name].valueGradHess(prediction, target, options);
          losses[name].valueAndGrad(prediction, target, options);
          losses[name].grad(prediction, target, options);
          losses[name](prediction, target, options);
          losses[name].total(prediction, target, options);
        }
      };
      for (const weighted of [false, true]) call(weighted);
      const before = { ...count };
      // Not even by the kernels: in their memory nothing changes but the outputs, and what they keep in the first page.
      const outs = [value, grad, hess].filter((array) => array !== undefined);
      for (const weighted of [false, true]) {
        const unseen = { ...count };
        ground.watch(outs, () => call(weighted), `${name} ${Type.name}`, undefined, PAGE);
        expect(count.copied - unseen.copied, `${name} ${Type.name}`).toBe(0);
      }
      for (let k = 0; k < 3; k++) for (const weighted of [false, true]) call(weighted);
      expect(count.copied - before.copied, `${name} ${Type.name}`).toBe(0);
      expect(count.made - before.made, `${name} ${Type.name}`).toBe(0);
      // On ordinary arrays the same call copies.
      losses[name].grad(data.prediction, data.target, { out: { grad: data.weights } });
      expect(count.copied - before.copied).toBeGreaterThanOrEqual(3 * n);
    }
  });
});

describe("losses of rows on arrays of an arena", () => {
  it.each([
    [67, 10],
    [2731, 3],
    [9001, 2],
    [20, 1000],
    [3, 9000],
  ])("copy nothing and make no array or view: %i × %i", async (rows, length) => {
    const n = rows * length;
    const drawn = kinds.flatMap((kind) =>
      types.map((Type) => ({ kind, Type, batch: drawRows(kind, Type, rows, length) })),
    );
    const count = watchArrays();
    const { simdloss, Ground } = await load();
    const losses = rowsOf(simdloss);
    const ground = new Ground(10 * (8 * n + 1024) + 4 * 8 * rows + 96 * length + 4 * PAGE);
    for (const { kind, Type, batch } of drawn) {
      ground.arena.reset();
      const prediction = ground.put(batch.prediction, 1);
      const target =
        batch.target instanceof Int32Array ? ground.putLabels(batch.target, 2) : ground.put(batch.target, 2);
      const weights = ground.put(batch.weights, 3);
      const outs = (["mean", "none"] as const).map((reduction) => ({
        reduction,
        out: outOf(kind, batch, reduction, (n) => ground.put(new Type(n))),
      }));
      const loss = losses[kind.name];
      const call = (given: object) => {
        for (const { reduction, out } of outs) {
          const options = { ...batch.options, ...given, reduction, out };
          loss.valueGradHess(prediction, target, options);
          loss.valueAndGrad(prediction, target, options);
          loss.grad(prediction, target, options);
          loss(prediction, target, options);
          loss.total(prediction, target, options);
        }
      };
      call({});
      call({ weights });
      const title = `${titleOf(kind)} ${Type.name}`;
      const before = { ...count };
      for (let k = 0; k < 3; k++) {
        call({});
        call({ weights });
      }
      expect(count.copied - before.copied, title).toBe(0);
      expect(count.made - before.made, title).toBe(0);
      loss.grad(batch.prediction, batch.target, batch.options);
      expect(count.copied - before.copied, title).toBeGreaterThanOrEqual(n);
    }
  });
});

it("an arena has one memory, which stays as it is whatever is done in it", async () => {
  const memories = watchMemories();
  const { simdloss } = await load();
  const length = 30_000;
  const needed = 7 * 8 * length + 96 * length + 4 * PAGE;
  const arena = new simdloss.Arena({ bytes: needed });
  const own = memories.made();
  expect(own).toHaveLength(1);
  // What was asked for, the kernels' page, and what their losses need besides.
  expect(bytesOf(own)).toBeGreaterThan(needed);
  expect(bytesOf(own)).toBeLessThan(needed + 2 ** 21);
  const { buffer } = arena.float32(0);
  const losses = lossesOf(simdloss);
  const rows = rowsOf(simdloss);
  for (const Type of types) {
    const take = (content: Floats) => {
      const array = Type === Float32Array ? arena.float32(content.length) : arena.float64(content.length);
      array.set(content);
      return array;
    };
    for (const name of names) {
      arena.reset();
      const data = drawData(specs[name], Type, length);
      const [prediction, target, weights] = [take(data.prediction), take(data.target), take(data.weights)];
      const grad = take(data.weights);
      losses[name].valueGradHess(prediction, target, { weights, out: { grad } });
      losses[name].grad(prediction, target, { out: { grad: prediction } });
    }
    for (const kind of kinds) {
      for (const [count, size] of [
        [3000, 10],
        [1, length],
      ] as const) {
        arena.reset();
        const { options, ...batch } = drawRows(kind, Type, count, size);
        const prediction = take(batch.prediction);
        const target = batch.target instanceof Int32Array ? batch.target : take(batch.target);
        rows[kind.name].valueGradHess(prediction, target, options);
      }
    }
  }
  expect(() => arena.float64(needed)).toThrow(RangeError);
  // Another one for ordinary arrays: none was needed.
  expect(memories.made()).toEqual([]);
  memories.expectStill();
  expect(arena.float32(0).buffer).toBe(buffer);
  expect(buffer.byteLength).toBe(bytesOf(own));
  // Without room for it, a long row takes a memory of its own, once, and the arena stays as it is.
  arena.reset();
  const row = arena.float64(length);
  arena.float32(Math.floor(arena.free / 4));
  for (let k = 0; k < 3; k++) simdloss.softmaxCrossEntropy.grad(row, Int32Array.of(k));
  expect(memories.made()).toHaveLength(1);
  memories.expectStill();
});

it("two arenas have a memory each, and nothing is copied in either", async () => {
  const memories = watchMemories();
  const count = watchArrays();
  const { simdloss, Ground } = await load();
  const grounds: readonly Ground[] = [new Ground(2 ** 18), new Ground(2 ** 16)];
  expect(new Set(memories.made().map(({ buffer }) => buffer)).size).toBe(2);
  const calls = grounds.map((ground, k) => {
    const { prediction, target } = drawData(specs.huber, Float32Array, 1000, k);
    const [x, y, grad] = [ground.put(prediction), ground.put(target), ground.put(target)];
    const expected = simdloss.huber.valueAndGrad(prediction, target, { delta: 1 + k });
    return () => {
      const before = count.copied;
      const got = simdloss.huber.valueAndGrad(x, y, { delta: 1 + k, out: { grad } });
      expect(count.copied).toBe(before);
      expect(got.value).toBe(expected.value);
      expectBits(grad, expected.grad);
    };
  });
  for (let k = 0; k < 5; k++) for (const call of calls) call();
  // Of a call on arrays of both, the one that is elsewhere.
  const [first, second] = grounds.map((ground) => ground.put(new Float32Array(1000)));
  const before = count.copied;
  simdloss.huber(first ?? [], second ?? []);
  expect(count.copied - before).toBe(1000);
});

describe("10⁶ calls with out given, in an arena and elsewhere", { timeout: 240_000 }, () => {
  let found: readonly Taken[] = [];
  beforeAll(async () => {
    const program = fileURLToPath(new URL("allocations.ts", import.meta.url));
    const flags = ["--max-semi-space-size=256", "--min-semi-space-size=256", "--import", "tsx"];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, program]);
    found = JSON.parse(stdout);
  }, 240_000);

  it("leave the heap as it is", () => {
    expect(found.length).toBeGreaterThan(10);
    // The least that can be kept of a call has 16 bytes.
    for (const { what, kept } of found) expect(kept, what).toBeLessThan(1);
  });

  it("allocate what they return, of elements, and a number on its way", () => {
    const [returned, ...calls] = found;
    const ofElements = calls.filter(({ what }) => / (mse|huber|bceWithLogits|focalWithLogits) /.test(what));
    expect(ofElements).toHaveLength(8);
    // A number that goes from function to function may become an object of 16 bytes.
    for (const { what, allocated } of ofElements) {
      expect(allocated, what).toBeLessThan((returned?.allocated ?? 0) + 16.5);
    }
  });
});
