/** Losses of rows on arrays in an arena: the bits are those of ordinary arrays, and no byte but the outputs' is written. */
import { describe, expect, it } from "vitest";
import type { Integers, Reduction } from "../../src/index.js";
import type { Floats } from "../implementations.js";
import { random } from "../random.js";
import {
  type Batch,
  type Derivative,
  drawRows,
  type RowOptions,
  type RowResults,
  type Rows,
  rowSettings,
  showSettings,
  typedRowSubjects,
} from "../rows/implementations.js";
import { arraysOf, expectRows, outOf, type RowOut } from "../rows/results.js";
import { Ground } from "./ground.js";

const methods = ["value", "grad", "valueAndGrad", "valueGradHess", "total"] as const;
type Method = (typeof methods)[number];
const reductions = ["mean", "sum", "none"] as const;

/** Numbers that the kernels' own memory takes at a time, and so the longest row that it takes. */
const ROUND = 8192;

/** Rows side by side and in a line, whole vectors and parts of them. */
const small = [
  [0, 3],
  [1, 1],
  [1, 10],
  [7, 5],
  [67, 10],
  [5, 128],
  [9, 131],
] as const;

/** Around what the kernels' own memory takes at a time. */
const large = [
  [ROUND - 1, 1],
  [ROUND, 1],
  [ROUND + 1, 1],
  [2730, 3],
  [2731, 3],
  [12_007, 3],
  [65, 128],
  [3, 4099],
  [1, ROUND - 1],
  [2, ROUND],
] as const;

const long = [
  [1, ROUND + 1],
  [3, ROUND + 3],
  [2, 20_011],
] as const;

/** All arrays of a call in one place. */
interface Placed {
  readonly prediction: Floats;
  readonly target: Floats | Integers;
  readonly weights: Floats | undefined;
  readonly options: RowOptions;
  readonly out: RowOut | undefined;
}

interface Call {
  readonly method: Method;
  readonly reduction: Reduction;
  readonly weighted: boolean;
}

type Put = (array: Floats) => Floats;

const subjects = typedRowSubjects.filter(({ implementation }) => implementation === "wasm");

describe.each(subjects)("$title", (subject) => {
  const { loss, spec, targets, Type } = subject;
  const ground = new Ground(9 * (12_100 * 3 * Type.BYTES_PER_ELEMENT + 1024));
  const other = new Ground(9 * (12_100 * 3 * Type.BYTES_PER_ELEMENT + 1024));
  const calls = methods.flatMap((method) => reductions.map((reduction) => ({ method, reduction })));

  /** A batch, and what each of its arrays is called with. */
  function drawn(rows: number, length: number): { batch: Batch; varied: readonly RowOptions[] } {
    const batch = drawRows(subject, Type, rows, length, rows + length);
    const varied = rowSettings(subject, batch).filter(({ ignoreIndex }) => ignoreIndex === undefined || length > 1);
    return { batch, varied };
  }

  /** The arrays of a call, each as `put` leaves it. */
  function place(
    ground: Ground,
    { prediction, target, weights, rows, length, options }: Batch,
    settings: RowOptions,
    reduction: Reduction,
    weighted: boolean,
    put: Put,
  ): Placed {
    const { classWeights, ...rest } = settings;
    return {
      prediction: put(prediction),
      target: target instanceof Int32Array ? ground.putLabels(target, rows) : put(target),
      weights: weighted ? put(weights) : undefined,
      options: { ...options, ...rest, ...(isFloats(classWeights) ? { classWeights: put(classWeights) } : {}) },
      out: outOf(subject, { rows, length }, reduction, (n) => put(new Type(n))),
    };
  }

  /** The same with the derivatives in the places of what they are by. */
  function inPlace(placed: Placed): Placed {
    const { prediction, target, out } = placed;
    if (out === undefined) return placed;
    const grad = spec.both && isFloats(target) ? { mean: prediction, logVariance: target } : prediction;
    return { ...placed, out: { ...out, grad } };
  }

  /** The call gives what it gives on ordinary arrays, and writes nothing but its outputs. */
  function expectSame(batch: Batch, settings: RowOptions, call: Call, placed: Placed, what: string, behind?: number) {
    const { method, reduction, weighted } = call;
    const plain = {
      prediction: batch.prediction,
      target: batch.target,
      weights: weighted ? batch.weights : undefined,
      options: { ...batch.options, ...settings },
      out: undefined,
    };
    const expected = run(loss, method, plain, reduction);
    const outs = written(method, reduction, placed);
    const got = ground.watch(
      outs,
      () => other.watch(outs, () => run(loss, method, placed, reduction), what),
      what,
      behind,
    );
    expectRows(got, expected, what);
    if (method !== "total") for (const array of arraysOf(got)) expect(outs, what).toContain(array);
  }

  it.each([...small, ...large])("gives the same bits, and leaves all else as it is: %i × %i", (rows, length) => {
    const { batch, varied } = drawn(rows, length);
    const all = rows * length < 1000;
    for (const settings of varied) {
      for (const { method, reduction } of calls) {
        if (!all && method !== "valueGradHess" && method !== "total") continue;
        for (const weighted of [false, true]) {
          const what = `${method}, ${reduction}${weighted ? ", weighted" : ""}, ${showSettings(settings)}`;
          for (const moved of [(placed: Placed) => placed, inPlace]) {
            ground.arena.reset();
            let k = 0;
            const put = (array: Floats) => ground.put(array, length + k++);
            const placed = moved(place(ground, batch, settings, reduction, weighted, put));
            expectSame(batch, settings, { method, reduction, weighted }, placed, what);
          }
        }
      }
    }
  });

  it("gives the same bits whichever arrays lie in it, in another arena, or in neither", () => {
    const draw = random(8);
    for (const [rows, length] of [
      [7, 5],
      [9, 131],
      [2731, 3],
      [9001, 1],
    ] as const) {
      const { batch, varied } = drawn(rows, length);
      for (let k = 0; k < 100; k++) {
        const settings = varied[Math.floor(draw() * varied.length)] ?? {};
        const { method, reduction } = calls[Math.floor(draw() * calls.length)] ?? expect.fail();
        const weighted = draw() < 0.5;
        ground.arena.reset();
        other.arena.reset();
        const at: string[] = [];
        const put = (array: Floats) => {
          const where = Math.floor(draw() * 3);
          at.push(["here", "there", "ordinary"][where] ?? "");
          return where === 2 ? array.slice() : (where === 0 ? ground : other).put(array, Math.floor(draw() * 8));
        };
        const placed = place(draw() < 0.5 ? ground : other, batch, settings, reduction, weighted, put);
        const moved = draw() < 0.3 ? inPlace(placed) : placed;
        const what = `${rows} × ${length}, ${method}, ${reduction}, ${showSettings(settings)}: ${at.join(", ")}`;
        expectSame(batch, settings, { method, reduction, weighted }, moved, what);
      }
    }
  });

  it("makes arrays of their own for results that have no buffer", () => {
    for (const [rows, length] of [
      [7, 5],
      [2731, 3],
      [2, ROUND + 1],
    ] as const) {
      const { batch } = drawn(rows, length);
      for (const { method, reduction } of calls) {
        ground.arena.reset();
        const placed = { ...place(ground, batch, {}, reduction, false, (array) => ground.put(array)), out: undefined };
        const got = run(loss, method, placed, reduction);
        const plain = {
          prediction: batch.prediction,
          target: batch.target,
          weights: undefined,
          options: batch.options,
        };
        expectRows(got, run(loss, method, { ...plain, out: undefined }, reduction), `${method}, ${reduction}`);
        for (const array of arraysOf(got)) expect(array.buffer.byteLength).toBe(array.byteLength);
      }
    }
  });

  it.each(long)("works on rows too long for its own memory in what is free, or elsewhere: %i × %i", (rows, length) => {
    const { batch, varied } = drawn(rows, length);
    const arrays = 7 * ((rows * length + 64) * Type.BYTES_PER_ELEMENT) + 4 * length * 8;
    // As much as a row needs, and a row's length less.
    const needed = 96 * length + 4 * 65_536;
    for (const free of [needed, 0]) {
      const ground = new Ground(arrays + free);
      for (const settings of varied) {
        for (const { method, reduction } of calls) {
          if (method !== "valueGradHess" && method !== "total") continue;
          for (const moved of [(placed: Placed) => placed, inPlace]) {
            ground.arena.reset();
            let k = 0;
            const placed = moved(
              place(ground, batch, settings, reduction, true, (array) => ground.put(array, length + k++)),
            );
            // So that what is free begins anywhere, or is too little.
            ground.arena.float32(free === 0 ? Math.floor(ground.arena.free / 4) : k);
            const outs = written(method, reduction, placed);
            const what = `${method}, ${reduction}, ${free} free, ${showSettings(settings)}`;
            const plain = { ...batch, options: { ...batch.options, ...settings }, out: undefined };
            const got = ground.watch(outs, () => run(loss, method, placed, reduction), what, 0);
            expectRows(got, run(loss, method, plain, reduction), what);
          }
        }
      }
    }
  });

  it("refuses what it refuses elsewhere, in the same words, and has changed nothing then", () => {
    for (const [rows, length] of [
      [7, 5],
      [2731, 3],
      [2, ROUND + 1],
    ] as const) {
      const batch = drawRows(subject, Type, rows, length);
      const faults = [
        ...(spec.predictions ? (["prediction"] as const) : []),
        ...(spec.targets || targets === "indices" ? (["target"] as const) : []),
        "weights" as const,
      ];
      for (const fault of faults) {
        const bads = fault === "target" && targets === "indices" ? [-1, length] : [-0.5];
        for (const bad of bads) {
          const n = batch[fault].length;
          for (const at of [0, n - 1]) {
            const spoiled = { ...batch, [fault]: batch[fault].slice() };
            spoiled[fault][at] = bad;
            for (const { method, reduction } of calls) {
              ground.arena.reset();
              const placed = place(ground, spoiled, {}, reduction, true, (array) => ground.put(array, 1));
              const plain = { ...spoiled, out: undefined };
              const message = refusal(() => run(loss, method, plain, reduction));
              expect(message).toContain(String(bad));
              const what = `${method}, ${reduction}, ${fault} ${bad} at ${at}`;
              const act = () => refusal(() => run(loss, method, placed, reduction));
              expect(ground.watch([], act, what, length > ROUND ? 0 : undefined), what).toBe(message);
            }
          }
        }
      }
    }
  });
});

const integers: readonly {
  readonly kind: string;
  readonly bytes: number;
  make(buffer: ArrayBuffer, at: number, indices: readonly number[]): Integers;
}[] = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map((Labels) => ({
    kind: Labels.name,
    bytes: Labels.BYTES_PER_ELEMENT,
    make(buffer: ArrayBuffer, at: number, indices: readonly number[]) {
      const labels = new Labels(buffer, at, indices.length);
      labels.set(indices);
      return labels;
    },
  })),
  ...[BigInt64Array, BigUint64Array].map((Labels) => ({
    kind: Labels.name,
    bytes: Labels.BYTES_PER_ELEMENT,
    make(buffer: ArrayBuffer, at: number, indices: readonly number[]) {
      const labels = new Labels(buffer, at, indices.length);
      labels.set(indices.map(BigInt));
      return labels;
    },
  })),
];

const labelled = subjects.filter(({ targets }) => targets === "indices");

describe.each(labelled.flatMap((subject) => integers.map((labels) => ({ ...subject, labels, kind: labels.kind }))))(
  "$title in a $kind",
  (subject) => {
    const { loss, Type, labels } = subject;
    const ground = new Ground(2 ** 20);

    it.each([
      [7, 5],
      [67, 1],
      [67, 100],
      [ROUND, 2],
      [ROUND + 1, 2],
      [2 * ROUND + 7, 2],
    ])("are read in the arena and elsewhere: %i × %i", (rows, length) => {
      const batch = drawRows(subject, Type, rows, length);
      const { prediction, weights, classWeights, options } = batch;
      const indices = Array.from(batch.target);
      const bytes = rows * labels.bytes;
      for (const settings of [{}, { classWeights }, { ignoreIndex: 0 }, { ignoreIndex: 0, classWeights }]) {
        if (length === 1 && "ignoreIndex" in settings) continue;
        for (const weighted of [false, true]) {
          ground.arena.reset();
          const room = ground.arena.float64(Math.ceil(bytes / 8) + 2);
          const targets = {
            inside: labels.make(ground.buffer, room.byteOffset + labels.bytes, indices),
            outside: labels.make(new ArrayBuffer(bytes), 0, indices),
          };
          const x = ground.put(prediction, 1);
          const grad = ground.put(prediction, 3);
          const w = ground.put(weights);
          const given = { ...options, ...settings };
          const plain = { ...given, weights: weighted ? weights : undefined };
          const expected = loss.valueAndGrad(prediction, Int32Array.from(indices), plain);
          for (const [where, target] of Object.entries(targets)) {
            const what = `${where}, ${showSettings(settings)}`;
            const placed = { ...given, weights: weighted ? w : undefined, out: { grad } };
            expectRows(
              ground.watch([grad], () => loss.valueAndGrad(x, target, placed), what),
              expected,
              what,
            );
          }
        }
      }
    });
  },
);

/** Of a total, its two numbers in an array. */
function run(
  loss: Rows,
  method: Method,
  { prediction, target, weights, options, out }: Placed,
  reduction: Reduction,
): Partial<RowResults> {
  const given = { ...options, reduction, weights, out };
  if (method === "value") return { value: loss(prediction, target, given) };
  if (method === "grad") return { grad: loss.grad(prediction, target, given) };
  if (method !== "total") return loss[method](prediction, target, given);
  const { sum, weight } = loss.total(prediction, target, given);
  return { value: Float64Array.of(sum, weight) };
}

/** The buffers that a method writes. */
function written(method: Method, reduction: Reduction, { out }: Placed): readonly Floats[] {
  const each = (derivative: Derivative | undefined): readonly Floats[] =>
    derivative === undefined
      ? []
      : ArrayBuffer.isView(derivative)
        ? [derivative]
        : [derivative.mean, derivative.logVariance];
  const hasGrad = method === "grad" || method === "valueAndGrad" || method === "valueGradHess";
  return [
    ...(reduction === "none" && method !== "grad" && method !== "total" ? each(out?.value) : []),
    ...(hasGrad ? each(out?.grad) : []),
    ...(method === "valueGradHess" ? each(out?.hess) : []),
  ];
}

function isFloats(thing: unknown): thing is Floats {
  return thing instanceof Float32Array || thing instanceof Float64Array;
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
