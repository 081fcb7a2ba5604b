/** A pool gives the bits of one thread, however many threads it has and wherever the arrays lie. */
import { describe, expect, it } from "vitest";
import { ROUND } from "../../assembly/want.js";
import * as losses from "../../src/index.js";
import { roundOf } from "../../src/rounds.js";
import { expectValue } from "../bits.js";
import { resizable, shared } from "../buffers.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { lossesOf, middles, names, reductionsOf, specs, types } from "../implementations.js";
import { drawData, fill, random } from "../random.js";
import { drawRows, kinds, rowSettings, rowsOf, showSettings, titleOf } from "../rows/implementations.js";
import { alone, dividing, leaves, methods, pooled } from "./pools.js";

const pools = [1, 2, 3].map((threads) => ({ threads, pool: dividing(threads) }));

/** Every method of the loss, by every pool. */
async function expectSame(loss: object, prediction: unknown, target: unknown, options: object, what: string) {
  for (const method of methods) {
    const expected = leaves(alone(loss, method)(prediction, target, options));
    expect(expected.length).toBeGreaterThan(0);
    for (const { threads, pool } of pools) {
      const got = new Map(leaves(await pooled(pool(), loss, method)(prediction, target, options)));
      expect([...got.keys()]).toEqual(expected.map(([name]) => name));
      for (const [name, leaf] of expected) {
        expectValue(got.get(name) ?? NaN, leaf, `${what}, ${method}${name} of ${threads} threads`);
      }
    }
  }
}

/** Of every size, and no sum of them exact: their order shows. */
const unevenly = (Type: FloatsConstructor, n: number): Floats => {
  const draw = random(7);
  return fill(Type, n, () => (draw() < 0.1 ? 0 : draw() ** 3 / 3));
};

const typed = types.map((Type) => ({ Type, title: Type.name }));

describe.each(typed)("losses of elements, $title", ({ Type }) => {
  const n = 2 * ROUND + 777;

  it.each(names)("%s", async (name) => {
    const { prediction, target } = drawData(specs[name], Type, n);
    const loss = lossesOf(losses)[name];
    for (const reduction of reductionsOf(specs[name])) {
      for (const weights of [undefined, unevenly(Type, n)]) {
        await expectSame(loss, prediction, target, { reduction, weights }, `${reduction} ${weights !== undefined}`);
      }
    }
    for (const settings of middles(specs[name])) await expectSame(loss, prediction, target, settings, "settings");
  });

  it.each([0, 1, ROUND - 1, ROUND, ROUND + 1, 2 * ROUND, 7 * ROUND - 3])("%i of them", async (length) => {
    for (const name of names) {
      const { prediction, target } = drawData(specs[name], Type, length);
      const weights = unevenly(Type, length);
      await expectSame(lossesOf(losses)[name], prediction, target, { weights }, name);
    }
  });

  it("at the ends of the numbers", async () => {
    const { mse, rmse, huber } = losses;
    const big = Type === Float32Array ? 3e38 : 1e308;
    const zeros = new Type(n);
    const late = (x: number): Floats => fill(Type, n, (k) => (k === n - 3 ? x : k % 7));
    for (const x of [big, -big, Infinity, NaN, 1e-30]) {
      for (const loss of [mse, rmse, huber]) await expectSame(loss, late(x), zeros, {}, `${loss.name} ${x}`);
    }
    for (const size of [big / (4 * n), 1e-30, 1e-45, 0]) {
      const small = fill(Type, n, (k) => size * (1 + (k % 3)));
      await expectSame(rmse, small, zeros, {}, `rmse of ${size}`);
      await expectSame(huber, late(5), zeros, { weights: small }, `weights of ${size}`);
      await expectSame(rmse, late(5), zeros, { weights: small }, `rmse, weights of ${size}`);
    }
  });
});

const typedKinds = kinds.flatMap((kind) =>
  types.map((Type) => ({ ...kind, Type, title: `${titleOf(kind)} ${Type.name}` })),
);

describe("losses of rows", () => {
  it.each(typedKinds)("$title", async (kind) => {
    const loss = rowsOf(losses)[kind.name];
    // Side by side, in a line, and longer than a round.
    for (const length of [10, 1001, 9001]) {
      const rows = 2 * roundOf(length) + Math.ceil(roundOf(length) / 3);
      const batch = drawRows(kind, kind.Type, rows, length);
      for (const settings of rowSettings(kind, batch)) {
        for (const weights of [undefined, unevenly(kind.Type, rows)]) {
          const options = { ...batch.options, ...settings, weights, reduction: length === 10 ? "mean" : "sum" };
          await expectSame(loss, batch.prediction, batch.target, options, `${length} ${showSettings(settings)}`);
        }
      }
      const options = { ...batch.options, reduction: "none", weights: unevenly(kind.Type, rows) };
      await expectSame(loss, batch.prediction, batch.target, options, `none ${length}`);
    }
  });

  it("class weights far from 1", async () => {
    const logits = fill(Float32Array, 20000, (k) => 3 * Math.sin(k));
    const labels = Int32Array.from({ length: 2000 }, (_, k) => k % 10);
    for (const size of [1e-30, 1e30]) {
      const classWeights = unevenly(Float32Array, 10).map((weight) => weight * size);
      await expectSame(losses.softmaxCrossEntropy, logits, labels, { classWeights }, `${size}`);
    }
  });

  it("labels of any kind of integers", async () => {
    const logits = fill(Float32Array, 6000, (k) => Math.sin(k));
    const kindsOfIntegers = [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
    ];
    for (const Type of kindsOfIntegers) {
      const labels = new Type(2000);
      labels.forEach((_, k) => {
        labels[k] = k % 3;
      });
      await expectSame(losses.softmaxCrossEntropy, logits, labels, { ignoreIndex: 1 }, Type.name);
    }
    for (const Type of [BigInt64Array, BigUint64Array]) {
      const labels = new Type(2000);
      labels.forEach((_, k) => {
        labels[k] = BigInt(k % 3);
      });
      await expectSame(losses.softmaxCrossEntropy, logits, labels, {}, Type.name);
    }
  });
});

describe.each(typed)("arrays wherever they lie, $title", ({ Type }) => {
  const n = 2 * ROUND + 777;
  const { prediction, target } = drawData(specs.bce, Type, n);
  const weights = unevenly(Type, n);

  it("shared, in parts of buffers, resizable", async () => {
    const within = (content: Floats): Floats => {
      const memory = shared(Type, new Type(n + 3));
      memory.set(content, 3);
      return memory.subarray(3);
    };
    const places: readonly ((content: Floats) => Floats)[] = [
      (content) => shared(Type, content),
      within,
      (content) => resizable(Type, content),
      (content) =>
        (Type === Float32Array ? Float32Array.from([0, ...content]) : Float64Array.from([0, ...content])).subarray(1),
    ];
    for (const place of places) {
      await expectSame(losses.bce, place(prediction), place(target), { weights: place(weights) }, "all");
      await expectSame(losses.bce, place(prediction), target, { weights }, "prediction");
      await expectSame(losses.bce, prediction, place(target), {}, "target");
    }
  });

  it("plain numbers", async () => {
    await expectSame(losses.bce, [...prediction], [...target], { weights: [...weights] }, "plain");
  });

  it("in an arena", async () => {
    const arena = new losses.Arena({ bytes: 40 * n });
    const place = (content: Floats): Floats => {
      const array = Type === Float32Array ? arena.float32(n) : arena.float64(n);
      array.set(content);
      return array;
    };
    await expectSame(losses.bce, place(prediction), place(target), { weights: place(weights) }, "arena");
  });
});
