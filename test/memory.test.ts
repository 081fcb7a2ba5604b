/** What calls take of memory: the wasm memory stays as it is, and steady calls make no arrays that nobody asked for. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Losses } from "./implementations.js";
import { lossesOf, names, reductionsOf, specs, types } from "./implementations.js";
import { collector, watchMemories } from "./memories.js";
import { drawData } from "./random.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.resetModules();
});

/** The kernels, instantiated anew, so that they see what stands in for the globals. */
async function load(): Promise<Losses> {
  vi.resetModules();
  return import("../src/index.js");
}

it("one wasm memory serves arrays of every length, and does not grow", async () => {
  const memories = watchMemories();
  const losses = lossesOf(await load());
  for (const name of names) for (const Type of types) losses[name](new Type(1), new Type(1));
  expect(memories.made()).toHaveLength(1);
  for (const name of names) {
    for (const Type of types) {
      const { prediction, target, weights } = drawData(specs[name], Type, 300_000);
      losses[name].valueGradHess(prediction, target, { weights });
    }
  }
  expect(memories.made()).toEqual([]);
  memories.expectStill();
});

describe("calls of one length with out given make no array and no view", () => {
  it.each([1, 67, 1000])("%i elements", async (n) => {
    let made = 0;
    const counting = <A extends typeof Float32Array | typeof Float64Array>(Type: A): A =>
      new Proxy(Type, {
        construct(target, values, as) {
          made++;
          return Reflect.construct(target, values, as);
        },
      });
    const data = names.flatMap((name) =>
      types.map((Type) => ({
        name,
        ...drawData(specs[name], Type, n),
        grad: new Type(n),
        hess: new Type(n),
        value: new Type(n),
      })),
    );
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
    const losses = lossesOf(await load());
    for (const { name, prediction, target, weights, grad, hess, value } of data) {
      const call = () => {
        for (const reduction of reductionsOf(specs[name])) {
          const out = reduction === "none" ? { value, grad, hess } : { grad, hess };
          losses[name].valueGradHess(prediction, target, { reduction, weights, out });
          losses[name].grad(prediction, target, { reduction, out });
          losses[name].total(prediction, target, { weights });
        }
      };
      call();
      const before = made;
      for (let k = 0; k < 10; k++) call();
      expect(made - before, name).toBe(0);
    }
    expect(made).toBeGreaterThan(0);
  });
});

it("calls keep no hold of the caller's arrays", async () => {
  const losses = lossesOf(await load());
  const collect = collector();
  for (const name of names) {
    const held: WeakRef<object>[] = [];
    (() => {
      const { prediction, target, weights } = drawData(specs[name], Float64Array, 5000);
      const out = { grad: new Float64Array(5000), hess: new Float64Array(5000) };
      losses[name].valueGradHess(prediction, target, { weights, out });
      const { grad } = losses[name].valueAndGrad(prediction, target);
      for (const array of [prediction, target, weights, out.grad, out.hess, grad]) held.push(new WeakRef(array));
    })();
    await new Promise((done) => setTimeout(done));
    collect();
    expect(held.filter((ref) => ref.deref() !== undefined)).toHaveLength(0);
  }
});
