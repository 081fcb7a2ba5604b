/** Losses of elements on arrays in an arena: the bits are those of ordinary arrays, and no byte but the outputs' is written. */
import { describe, expect, it } from "vitest";
import { ROUND } from "../../assembly/want.js";
import type { Loss, Reduction } from "../../src/index.js";
import { expectValue } from "../bits.js";
import { type Floats, middles, reductionsOf, type Settings, typedSubjects } from "../implementations.js";
import { drawData, fill, random } from "../random.js";
import { Ground } from "./ground.js";

const methods = ["value", "grad", "valueAndGrad", "valueGradHess", "total"] as const;
type Method = (typeof methods)[number];

/** Around vectors, steps and blocks of either type, and around rounds. */
const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 67, 511, 512, 513, 1025]
  .concat([1, 2, 4].flatMap((rounds) => [rounds * ROUND - 1, rounds * ROUND, rounds * ROUND + 1]))
  .concat(3 * ROUND + 37);

/** The places of arrays of a call; there are two arenas, and ordinary memory. */
const places = ["here", "there", "ordinary"] as const;
type Place = (typeof places)[number];

interface Arrays {
  readonly prediction: Floats;
  readonly target: Floats;
  readonly weights?: Floats | undefined;
  readonly value?: Floats | undefined;
  readonly grad?: Floats | undefined;
  readonly hess?: Floats | undefined;
}

/** Results under their names. */
type Found = Readonly<Partial<Record<"value" | "grad" | "hess" | "sum" | "weight", number | Floats>>>;

const subjects = typedSubjects.filter(({ implementation }) => implementation === "wasm");

describe.each(subjects)("$title", ({ loss, spec, Type }) => {
  const reductions = reductionsOf(spec);
  const bytes = Type.BYTES_PER_ELEMENT * 6 * (4 * ROUND + 100);
  const ground = new Ground(bytes);
  const other = new Ground(bytes);

  /** Every method, reduction and kind of weights. */
  const calls = methods.flatMap((method) =>
    reductions.flatMap((reduction) => [false, true].map((weighted) => ({ method, reduction, weighted }))),
  );

  it("gives the same bits at every length around vectors, blocks and rounds, and leaves all else as it is", () => {
    for (const n of lengths) {
      const { prediction, target, weights } = drawData(spec, Type, n, 1 + n);
      for (const { method, reduction, weighted } of calls) {
        const what = `${n} elements, ${method}, ${reduction}${weighted ? ", weighted" : ""}`;
        const plain = { prediction, target, weights: weighted ? weights : undefined };
        const expected = run(loss, method, plain, reduction);
        const blank = new Type(n);
        for (const inPlace of hasGrad(method) ? [false, true] : [false]) {
          ground.arena.reset();
          const put = (array: Floats, k: number) => ground.put(array, n + k);
          const placed = { prediction: put(prediction, 0), target: put(target, 1) };
          const arrays = {
            ...placed,
            weights: weighted ? put(weights, 2) : undefined,
            value: reduction === "none" ? put(blank, 3) : undefined,
            grad: inPlace ? placed.prediction : put(blank, 4),
            hess: put(blank, 5),
          };
          const outs = written(method, reduction, arrays);
          const got = ground.watch(outs, () => run(loss, method, arrays, reduction), what);
          expectSame(got, expected, inPlace ? `${what}, in the prediction's place` : what);
          for (const array of Object.values(got)) if (typeof array !== "number") expect(outs).toContain(array);
        }
      }
    }
  });

  it("makes arrays of their own for results that have no buffer", () => {
    for (const n of [67, 2 * ROUND + 3]) {
      const data = drawData(spec, Type, n);
      ground.arena.reset();
      const [prediction, target] = [ground.put(data.prediction), ground.put(data.target)];
      for (const { method, reduction } of calls) {
        const what = `${n} elements, ${method}, ${reduction}`;
        const got = ground.watch([], () => run(loss, method, { prediction, target }, reduction), what);
        expectSame(got, run(loss, method, { prediction: data.prediction, target: data.target }, reduction), what);
        for (const array of Object.values(got)) {
          if (typeof array !== "number") expect(array.buffer.byteLength, what).toBe(array.byteLength);
        }
      }
    }
  });

  it("gives the same bits whichever arrays lie in it, in another arena, or in neither", () => {
    const draw = random(7);
    for (const n of [67, ROUND, 2 * ROUND + 67]) {
      const { prediction, target, weights } = drawData(spec, Type, n, 2);
      const blank = new Type(n);
      for (let k = 0; k < 150; k++) {
        const { method, reduction, weighted } = calls[Math.floor(draw() * calls.length)] ?? expect.fail();
        ground.arena.reset();
        other.arena.reset();
        const at: Place[] = [];
        const put = (array: Floats) => {
          const place = places[Math.floor(draw() * places.length)] ?? "here";
          at.push(place);
          if (place === "ordinary") return array.slice();
          return (place === "here" ? ground : other).put(array, Math.floor(draw() * 8));
        };
        const placed = { prediction: put(prediction), target: put(target) };
        const inPlace = draw() < 0.2;
        const arrays = {
          ...placed,
          weights: weighted ? put(weights) : undefined,
          value: reduction === "none" ? put(blank) : undefined,
          grad: inPlace ? placed.prediction : put(blank),
          hess: put(blank),
        };
        const what = `${n} elements, ${method}, ${reduction}${inPlace ? ", in place" : ""}: ${at.join(", ")}`;
        const plain = { prediction, target, weights: weighted ? weights : undefined };
        const expected = run(loss, method, plain, reduction);
        const outs = written(method, reduction, arrays);
        const call = () => run(loss, method, arrays, reduction);
        expectSame(
          ground.watch(outs, () => other.watch(outs, call, what), what),
          expected,
          what,
        );
      }
    }
  });

  it("writes where there is room when one of the outputs alone is elsewhere, however long they are", () => {
    // Longer than all that lies before the arena's arrays.
    const n = 2 ** 20 / Type.BYTES_PER_ELEMENT + 5;
    const ground = new Ground(6 * (n + 100) * Type.BYTES_PER_ELEMENT);
    const { prediction, target, weights } = drawData(spec, Type, n, 5);
    const reduction = spec.root ? "mean" : "none";
    const expected = run(loss, "valueGradHess", { prediction, target, weights }, reduction);
    for (const elsewhere of ["value", "grad", "hess"] as const) {
      if (spec.root && elsewhere === "value") continue;
      ground.arena.reset();
      const out = (name: typeof elsewhere) => (name === elsewhere ? new Type(n) : ground.put(target));
      const arrays = {
        prediction: ground.put(prediction, 1),
        target: ground.put(target, 2),
        weights: ground.put(weights, 3),
        value: spec.root ? undefined : out("value"),
        grad: out("grad"),
        hess: out("hess"),
      };
      const outs = written("valueGradHess", reduction, arrays);
      const got = ground.watch(outs, () => run(loss, "valueGradHess", arrays, reduction), elsewhere);
      expectSame(got, expected, elsewhere);
    }
  });

  it("gives the same bits with each of its parameters changed", () => {
    const n = ROUND + 67;
    const { prediction, target, weights } = drawData(spec, Type, n, 3);
    for (const settings of middles(spec)) {
      for (const { method, reduction, weighted } of calls) {
        ground.arena.reset();
        const put = (array: Floats) => ground.put(array, 3);
        const plain = { prediction, target, weights: weighted ? weights : undefined };
        const arrays = {
          prediction: put(prediction),
          target: put(target),
          weights: weighted ? put(weights) : undefined,
          grad: put(prediction),
        };
        const got = run(loss, method, arrays, reduction, settings);
        const expected = run(loss, method, plain, reduction, settings);
        expectSame(got, expected, `${method}, ${reduction}, ${JSON.stringify(settings)}`);
      }
    }
  });

  it("takes one array for the prediction and the target", () => {
    for (const n of [67, 2 * ROUND + 3]) {
      const both = fill(Type, n, (k) => (k % 3 === 0 ? 1 : 0));
      ground.arena.reset();
      const placed = ground.put(both, 1);
      const grad = ground.put(both, 2);
      for (const { method, reduction } of calls) {
        const got = run(loss, method, { prediction: placed, target: placed, grad }, reduction);
        const expected = run(loss, method, { prediction: both, target: both }, reduction);
        expectSame(got, expected, `${n} elements, ${method}, ${reduction}`);
      }
    }
  });

  it("adds up losses whose pairs overflow, with the gradient in the prediction's place too", () => {
    const n = 2 * ROUND + 37;
    const largest = Type === Float32Array ? 2e38 : 1e308;
    // Of whose square the double is infinite as well.
    const square = Math.sqrt(largest);
    const size = spec.predictions !== undefined ? 1 : spec.name === "mse" || spec.name === "rmse" ? square : largest;
    const small = fill(Type, n, () => 0);
    // Two vectors' worth: pairs are of lanes, not of neighbours.
    for (const from of [0, 8, ROUND - 8, ROUND + 3, n - 16]) {
      const prediction = fill(Type, n, (k) => (k >= from && k < from + 8 ? size : 0.5));
      for (const { method, reduction, weighted } of calls) {
        const weights = fill(Type, n, (k) => (k % 2 === 0 ? 1 : 0.5));
        const plain = { prediction, target: small, weights: weighted ? weights : undefined };
        const expected = run(loss, method, plain, reduction);
        if (Type === Float32Array && typeof expected.value === "number") {
          expect(expected.value, `${method} ${reduction}`).toBeLessThan(Infinity);
        }
        for (const inPlace of [false, true]) {
          ground.arena.reset();
          const placed = ground.put(prediction, from);
          const arrays = {
            prediction: placed,
            target: ground.put(small),
            weights: weighted ? ground.put(weights) : undefined,
            grad: inPlace ? placed : ground.put(small),
            hess: ground.put(small),
          };
          const what = `${method}, ${reduction}, from ${from}${inPlace ? ", in place" : ""}`;
          expectSame(run(loss, method, arrays, reduction), expected, what);
        }
      }
    }
  });

  it("refuses what it refuses elsewhere, in the same words, and has changed nothing then", () => {
    for (const n of [67, ROUND + 67]) {
      const data = drawData(spec, Type, n, 4);
      const faults = [
        ...(spec.predictions === undefined ? [] : (["prediction"] as const)),
        ...(spec.targets === undefined ? [] : (["target"] as const)),
        "weights" as const,
      ];
      for (const fault of faults) {
        for (const bad of fault === "weights" ? [-1, Number.NaN, Infinity] : [-0.5, 1.5]) {
          for (const at of [0, n - 1]) {
            for (const { method, reduction } of calls) {
              ground.arena.reset();
              const plain = { ...data, [fault]: fill(Type, n, (k) => (k === at ? bad : (data[fault][k] ?? 0))) };
              const arrays = {
                prediction: ground.put(plain.prediction, 1),
                target: ground.put(plain.target, 2),
                weights: ground.put(plain.weights, 3),
                value: reduction === "none" ? ground.put(data.weights) : undefined,
                grad: ground.put(data.weights),
                hess: ground.put(data.weights),
              };
              const what = `${method}, ${reduction}, ${fault} ${bad} at ${at}`;
              const message = refusal(() => run(loss, method, plain, reduction));
              expect(message).toContain(`${bad} at ${at}`);
              const got = ground.watch([], () => refusal(() => run(loss, method, arrays, reduction)), what);
              expect(got, what).toBe(message);
            }
          }
        }
      }
    }
  });

  it("refuses outputs that lie over other arrays, and has changed nothing then", () => {
    ground.arena.reset();
    const { prediction, target } = drawData(spec, Type, 67);
    const both = ground.put(fill(Type, 68, () => 1));
    const [x, y] = [ground.put(prediction), ground.put(target)];
    const over = (arrays: Arrays) => () =>
      ground.watch([], () => run(loss, "valueGradHess", arrays, "mean"), "overlap");
    const [low, high] = [both.subarray(0, 67), both.subarray(1)];
    expect(over({ prediction: low, target: y, grad: high })).toThrow("out.grad must not overlap prediction");
    expect(over({ prediction: x, target: low, grad: high })).toThrow("out.grad must not overlap target");
    expect(over({ prediction: x, target: y, grad: low, hess: high })).toThrow("out.hess must not overlap out.grad");
    expect(over({ prediction: x, target: y, weights: low, hess: low })).toThrow("out.hess must not overlap weights");
  });
});

function run(loss: Loss, method: Method, arrays: Arrays, reduction: Reduction, settings: Settings = {}): Found {
  const { prediction, target, weights, value, grad, hess } = arrays;
  const options = { ...settings, reduction, weights, out: { value, grad, hess } };
  if (method === "value") return { value: loss(prediction, target, options) };
  if (method === "grad") return { grad: loss.grad(prediction, target, options) };
  if (method === "total") return { ...loss.total(prediction, target, options) };
  if (method === "valueAndGrad") return loss.valueAndGrad(prediction, target, options);
  return loss.valueGradHess(prediction, target, options);
}

function hasGrad(method: Method): boolean {
  return method === "grad" || method === "valueAndGrad" || method === "valueGradHess";
}

/** The buffers that a method writes. */
function written(method: Method, reduction: Reduction, { value, grad, hess }: Arrays): readonly Floats[] {
  const outs = [
    reduction === "none" && method !== "grad" && method !== "total" ? value : undefined,
    hasGrad(method) ? grad : undefined,
    method === "valueGradHess" ? hess : undefined,
  ];
  return outs.filter((array) => array !== undefined);
}

function expectSame(got: Found, expected: Found, what: string): void {
  const rights = new Map(Object.entries(expected));
  expect(Object.keys(got), what).toEqual([...rights.keys()]);
  for (const [name, found] of Object.entries(got)) expectValue(found, rights.get(name) ?? NaN, `${what}, ${name}`);
}

/** The message of the error. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
  return expect.fail("no error");
}
