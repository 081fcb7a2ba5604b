/** What calls of row losses take of memory: it stays as it is unless a row is longer than any before, and steady calls make no arrays. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { types } from "../implementations.js";
import { bytesOf, collector, watchMemories } from "../memories.js";
import { drawRows, kinds, type RowName, type Rows, rowImplementations, rowsOf, titleOf } from "./implementations.js";
import { arraysOf, outOf } from "./results.js";

const reductions = ["mean", "sum", "none"] as const;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.resetModules();
});

/** The kernels, instantiated anew, so that they see what stands in for the globals. */
async function load(): Promise<Readonly<Record<RowName, Rows>>> {
  vi.resetModules();
  return rowsOf(await import("../../src/index.js"));
}

/** Every kind of loss on arrays of either type, with an option for each array that it may have. */
function drawn(rows: number, length: number) {
  return kinds.flatMap((kind) =>
    types.map((Type) => {
      const batch = drawRows(kind, Type, rows, length);
      const ofLabels = kind.spec.labels ? { classWeights: batch.classWeights } : {};
      const options = { ...batch.options, ...ofLabels, weights: batch.weights };
      return { ...batch, kind, Type, options, title: `${titleOf(kind)} ${Type.name}` };
    }),
  );
}

it("one wasm memory serves any number of rows, another one rows too long for it, and neither grows", async () => {
  const memories = watchMemories();
  const losses = await load();
  const run = (rows: number, length: number) => {
    for (const { kind, prediction, target, options } of drawn(rows, length)) {
      losses[kind.name].valueGradHess(prediction, target, options);
    }
    return memories.made();
  };
  expect(run(1, 10)).toHaveLength(1);
  expect(run(30_000, 10)).toEqual([]);
  expect(run(30, 8192)).toEqual([]);
  const long = run(1, 20_000);
  expect(long).toHaveLength(1);
  expect(run(3, 20_000)).toEqual([]);
  expect(run(3, 19_999)).toEqual([]);
  const longer = run(2, 30_000);
  expect(longer).toHaveLength(1);
  expect(bytesOf(longer)).toBeGreaterThan(bytesOf(long));
  // What they have each in use, 96 bytes a number, and a little that does not depend on the length.
  expect(bytesOf(longer) - bytesOf(long)).toBeLessThan(96 * 10_000 + 2 * 65536);
  expect(run(3, 30_000)).toEqual([]);
  expect(run(3, 20_000)).toEqual([]);
  expect(run(30_000, 10)).toEqual([]);
  memories.expectStill();
});

it("lets go of the memory that a longer row does not fit in", async () => {
  const collect = collector();
  const { softmaxCrossEntropy } = await load();
  const held: WeakRef<WebAssembly.Memory>[] = [];
  (() => {
    const memories = watchMemories();
    for (const length of [10_000, 20_000, 30_000]) {
      softmaxCrossEntropy.grad(new Float64Array(length), Int32Array.of(0), {});
      softmaxCrossEntropy.grad(new Float32Array(length), Int32Array.of(0), {});
    }
    for (const memory of memories.made()) held.push(new WeakRef(memory));
    memories.stop();
  })();
  expect(held).toHaveLength(3);
  const kept = () => held.map((ref) => ref.deref() !== undefined);
  for (let k = 0; k < 10 && kept().filter(Boolean).length > 1; k++) {
    await new Promise((done) => setTimeout(done, k));
    collect();
  }
  expect(kept()).toEqual([false, false, true]);
});

describe("calls of one shape with out given make no array and no view", () => {
  it.each([
    [1, 1],
    [1, 10],
    [67, 10],
    [3, 1000],
  ])("%i × %i", async (rows, length) => {
    let made = 0;
    const counting = <A extends typeof Float32Array | typeof Float64Array>(Type: A): A =>
      new Proxy(Type, {
        construct(target, values, as) {
          made++;
          return Reflect.construct(target, values, as);
        },
      });
    const data = drawn(rows, length).map((found) => ({
      ...found,
      outs: reductions.map((reduction) => ({
        reduction,
        out: outOf(found.kind, found, reduction, (n) => new found.Type(n)),
      })),
    }));
    for (const Type of types) {
      vi.stubGlobal(Type.name, counting(Type));
      for (const method of ["slice", "subarray"] as const) {
        const original = Type.prototype[method];
        vi.spyOn(Type.prototype, method).mockImplementation(function (this: Float32Array & Float64Array, ...range) {
          made++;
          return Reflect.apply(original, this, range);
        });
      }
    }
    const losses = await load();
    for (const { kind, title, prediction, target, options, outs } of data) {
      const loss = losses[kind.name];
      const call = () => {
        for (const { reduction, out } of outs) {
          loss.valueGradHess(prediction, target, { ...options, reduction, out });
          loss.grad(prediction, target, { ...options, reduction, out });
          loss(prediction, target, { ...options, reduction, out });
          loss.total(prediction, target, options);
        }
      };
      call();
      const before = made;
      for (let k = 0; k < 10; k++) call();
      expect(made - before, title).toBe(0);
    }
    expect(made).toBeGreaterThan(0);
  });
});

describe.each(Object.entries(rowImplementations))("%s", (_, implementation) => {
  const losses = rowsOf(implementation);

  it("calls with out given leave the heap as it is", async () => {
    const collect = collector();
    // Large enough that one array kept of a call is more than the heap's own noise.
    const data = drawn(40, 50).map((found) => ({
      ...found,
      out: outOf(found.kind, found, "none", (n) => new found.Type(n)),
    }));
    const calls = (times: number) => {
      for (let k = 0; k < times; k++) {
        for (const { kind, prediction, target, options, out } of data) {
          losses[kind.name].valueGradHess(prediction, target, { ...options, reduction: "none", out });
        }
      }
    };
    const used = async () => {
      // Twice: memory of arrays is given back a little later than the arrays.
      collect();
      await new Promise((done) => setTimeout(done, 20));
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    calls(30);
    // The least of the arrays that a call may keep has 40 numbers: 100 calls of 12 losses would keep 192,000 bytes, every time; what the
    // compiler keeps of them, once.
    const grown: number[] = [];
    for (let k = 0; k < 3; k++) {
      const before = await used();
      calls(100);
      grown.push((await used()) - before);
    }
    expect(Math.min(...grown)).toBeLessThan(150_000);
  });

  it("calls keep no hold of the caller's arrays", async () => {
    const collect = collector();
    for (const kind of kinds) {
      for (const method of ["valueGradHess", "valueAndGrad", "grad", "total", "value", "refused"] as const) {
        const held: WeakRef<object>[] = [];
        (() => {
          const batch = drawRows(kind, Float64Array, 500, 10);
          const { prediction, target, weights, classWeights } = batch;
          const out = outOf(kind, batch, "none", (n) => new Float64Array(n));
          const ofLabels = kind.spec.labels ? { classWeights } : {};
          const options = { ...batch.options, ...ofLabels, reduction: "none", weights, out } as const;
          const loss = losses[kind.name];
          if (method === "refused") {
            weights[499] = -1;
            expect(() => loss.valueGradHess(prediction, target, options)).toThrow(RangeError);
          } else if (method === "value") loss(prediction, target, options);
          else loss[method](prediction, target, options);
          for (const array of [prediction, target, weights, classWeights, ...arraysOf(out)]) {
            held.push(new WeakRef(array));
          }
        })();
        // The compiler of the machine code may hold an array while it is at work.
        const isKept = () => held.some((ref) => ref.deref() !== undefined);
        for (let k = 0; k === 0 || (k < 10 && isKept()); k++) {
          await new Promise((done) => setTimeout(done, k));
          collect();
        }
        expect(isKept(), `${titleOf(kind)} ${method}`).toBe(false);
      }
    }
  });
});
