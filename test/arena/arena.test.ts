/** The arena itself: what it takes and refuses, where its arrays lie, what is left of them after a reset. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arena, huber, softmaxCrossEntropy } from "../../src/index.js";
import { collector } from "../memories.js";

const kinds = ["float32", "float64", "int32"] as const;
const sizes = { float32: 4, float64: 8, int32: 4 } as const;
const constructors = { float32: Float32Array, float64: Float64Array, int32: Int32Array } as const;

/** Most that WebAssembly can address, in bytes. */
const ADDRESSES = 2 ** 32;

describe("new Arena({ bytes })", () => {
  it.each([
    ["-1", -1, RangeError, "Arena: bytes must be a whole number of at least 0, got -1"],
    ["1.5", 1.5, RangeError, "Arena: bytes must be a whole number of at least 0, got 1.5"],
    ["NaN", Number.NaN, RangeError, "Arena: bytes must be a whole number of at least 0, got NaN"],
    ["Infinity", Infinity, RangeError, "Arena: bytes must be a whole number of at least 0, got Infinity"],
    ['"8"', "8", TypeError, 'Arena: bytes must be a number, got "8"'],
    ["8n", 8n, TypeError, "Arena: bytes must be a number, got 8n"],
    ["null", null, TypeError, "Arena: bytes must be a number, got null"],
    ["undefined", undefined, TypeError, "Arena: bytes must be a number, got undefined"],
    ["an object", {}, TypeError, "Arena: bytes must be a number, got an object"],
  ])("refuses %s bytes", (_, bytes, kind, message) => {
    expectError(() => Reflect.construct(Arena, [{ bytes }]), kind, message);
  });

  it("refuses options that are missing, and such as it does not know", () => {
    const given = "Arena: bytes must be given, new Arena({ bytes: 1048576 }), got";
    expectError(() => Reflect.construct(Arena, []), TypeError, `${given} undefined`);
    expectError(() => Reflect.construct(Arena, [1024]), TypeError, `${given} 1024`);
    expectError(() => Reflect.construct(Arena, [null]), TypeError, `${given} null`);
    expectError(() => Reflect.construct(Arena, [{}]), TypeError, `${given} an object`);
    expectError(
      () => Reflect.construct(Arena, [{ bytes: 8, byte: 8 }]),
      TypeError,
      'Arena: unknown option "byte"; the options are bytes',
    );
  });

  it("refuses more bytes than WebAssembly can address, and says how many it can", () => {
    for (const bytes of [ADDRESSES, ADDRESSES + 1, 2 ** 53, 1e300]) {
      const message = messageOf(() => new Arena({ bytes }), RangeError);
      const [, most = "", got = ""] = /^Arena: bytes must be at most (\d+), got (.*)$/.exec(message) ?? [];
      expect(got).toBe(String(bytes));
      // Less than a page of the kernels', and what row losses and the losses of elements need.
      expect(Number(most)).toBeGreaterThan(ADDRESSES - 2 ** 22);
      expect(Number(most)).toBeLessThan(ADDRESSES);
    }
  });

  it("has no bytes, if none are asked for", () => {
    const arena = new Arena({ bytes: 0 });
    expect([arena.bytes, arena.used, arena.free]).toEqual([0, 0, 0]);
    expect(arena.float64(0)).toHaveLength(0);
    expectError(() => arena.int32(1), RangeError, "Arena: int32(1) needs 4 bytes, 0 of 0 are free");
  });
});

describe.each(kinds)("%s(n)", (kind) => {
  const size = sizes[kind];

  it("gives n zeros of its type, in the arena", () => {
    const arena = new Arena({ bytes: 1000 });
    const [first, second, none] = [arena[kind](5), arena[kind](7), arena[kind](0)];
    for (const array of [first, second, none]) {
      expect(array).toBeInstanceOf(constructors[kind]);
      expect(array.buffer).toBe(arena.float32(0).buffer);
      expect(array.every((x) => Object.is(x, 0))).toBe(true);
    }
    expect([first.length, second.length, none.length]).toEqual([5, 7, 0]);
    expect(arena.used).toBe(12 * size);
    expect(arena.free).toBe(1000 - 12 * size);
  });

  it("fills the arena to its last byte, and says what it needs and has where that is too little", () => {
    const arena = new Arena({ bytes: 20 * size });
    arena[kind](13);
    const full = `Arena: ${kind}(8) needs ${8 * size} bytes, ${7 * size} of ${20 * size} are free`;
    expectError(() => arena[kind](8), RangeError, full);
    expect(arena.free).toBe(7 * size);
    expect(arena[kind](7)).toHaveLength(7);
    expect(arena.free).toBe(0);
    const none = `Arena: ${kind}(1) needs ${size} bytes, 0 of ${20 * size} are free`;
    expectError(() => arena[kind](1), RangeError, none);
    const vast = `Arena: ${kind}(${2 ** 53}) needs ${2 ** 53 * size} bytes, 0 of ${20 * size} are free`;
    expectError(() => arena[kind](2 ** 53), RangeError, vast);
  });

  it.each([
    ["-1", -1, RangeError, "a length must be a whole number of at least 0, got -1"],
    ["1.5", 1.5, RangeError, "a length must be a whole number of at least 0, got 1.5"],
    ["NaN", Number.NaN, RangeError, "a length must be a whole number of at least 0, got NaN"],
    ["Infinity", Infinity, RangeError, "a length must be a whole number of at least 0, got Infinity"],
    ['"8"', "8", TypeError, 'a length must be a number, got "8"'],
    ["nothing", undefined, TypeError, "a length must be a number, got undefined"],
    ["an array", [1], TypeError, "a length must be a number, got an array"],
  ])("refuses %s", (_, n, error, message) => {
    const arena = new Arena({ bytes: 64 });
    expectError(() => Reflect.apply(arena[kind], arena, [n]), error, `Arena: ${kind}: ${message}`);
    expect(arena.used).toBe(0);
  });
});

it("begins float64 arrays at a multiple of 8, and counts what lies before them as used", () => {
  const arena = new Arena({ bytes: 64 });
  arena.float32(1);
  expect(arena.float64(1).byteOffset % 8).toBe(0);
  expect(arena.used).toBe(16);
  expect(arena.free).toBe(48);
});

it("does not say that an array needs less than is free, where it has to begin further on", () => {
  const arena = new Arena({ bytes: 12 });
  arena.float32(1);
  const message = messageOf(() => arena.float64(1), RangeError);
  const [, needed = "", free = ""] =
    /^Arena: float64\(1\) needs (\d+) bytes, (\d+) of 12 are free$/.exec(message) ?? [];
  expect(Number(needed)).toBeGreaterThan(Number(free));
});

it("takes arrays in any order, none over another, all of them zeros, and free and used are all its bytes", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom(...kinds), n: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.constant("reset" as const) },
    // In what is free, rows too long for the kernels' own memory are worked on.
    { weight: 1, arbitrary: fc.constant("long row" as const) },
  );
  const bytes = 1_300_000;
  const arena = new Arena({ bytes });
  const row = new Float32Array(9000);
  const property = fc.property(fc.array(step, { maxLength: 60 }), fc.nat(400), (steps, spare) => {
    arena.reset();
    // Up to the end of what there is.
    const before = arena.float32(spare % 2 === 0 ? 0 : Math.floor(bytes / 4) - spare);
    const taken = [{ start: before.byteOffset, end: before.byteOffset + before.byteLength }];
    expect(nonZeros(before)).toBe(0);
    before.fill(Number.NaN);
    for (const next of steps) {
      if (next === "reset") {
        arena.reset();
        taken.length = 0;
        expect(arena.used).toBe(0);
      } else if (next === "long row") {
        if (arena.free < 4 * row.length) continue;
        const prediction = arena.float32(row.length);
        taken.push({ start: prediction.byteOffset, end: prediction.byteOffset + prediction.byteLength });
        expect(nonZeros(prediction)).toBe(0);
        prediction.set(row);
        softmaxCrossEntropy(prediction, Int32Array.of(0));
      } else {
        const { kind, n } = next;
        const aligned = Math.ceil(arena.used / sizes[kind]) * sizes[kind];
        if (aligned + n * sizes[kind] > bytes) {
          expect(() => arena[kind](n)).toThrow(RangeError);
          continue;
        }
        const array = arena[kind](n);
        const [start, end] = [array.byteOffset, array.byteOffset + array.byteLength];
        expect(end - start).toBe(n * sizes[kind]);
        for (const other of taken) expect(start >= other.end || other.start >= end || n === 0).toBe(true);
        expect(nonZeros(array)).toBe(0);
        array.fill(-1);
        taken.push({ start, end });
      }
      expect(arena.used + arena.free).toBe(bytes);
      expect(arena.free).toBeGreaterThanOrEqual(0);
    }
  });
  fc.assert(property, { numRuns: 300, seed: 6 });
});

it("gives the same memory again after a reset, as zeros", () => {
  const arena = new Arena({ bytes: 4096 });
  const before = arena.float64(512).fill(7);
  expect(arena.free).toBe(0);
  arena.reset();
  expect([arena.used, arena.free]).toEqual([0, 4096]);
  const after = arena.float32(1024);
  expect(after.byteOffset).toBe(before.byteOffset);
  expect(nonZeros(after)).toBe(0);
  expect(before[0]).toBe(0);
});

it("gives zeros where a long row was worked on", () => {
  const length = 9000;
  // What such a row takes, for its arrays and to be worked on.
  const arena = new Arena({ bytes: 3 * 8 * length + 96 * length + 2 ** 18 });
  const prediction = arena.float64(length).fill(1);
  const weights = arena.float64(1).fill(2);
  const grad = arena.float64(length);
  const classWeights = arena.float64(length).fill(3);
  softmaxCrossEntropy.valueAndGrad(prediction, Int32Array.of(7), { weights, classWeights, out: { grad } });
  const rest = arena.float32(arena.free / 4);
  expect(rest.length).toBeGreaterThan(12 * length);
  expect(nonZeros(rest)).toBe(0);
});

it("holds arrays beyond 2 GiB", () => {
  const arena = new Arena({ bytes: 2 ** 31 + 2 ** 24 });
  arena.float64(2 ** 28);
  for (const n of [67, 5000]) {
    const [prediction, target] = [arena.float32(n), arena.float32(n)];
    for (let k = 0; k < n; k++) prediction[k] = (k % 7) - 3;
    expect(prediction.byteOffset).toBeGreaterThan(2 ** 31);
    const grad = arena.float32(n);
    const got = huber.valueAndGrad(prediction, target, { out: { grad } });
    const expected = huber.valueAndGrad(prediction.slice(), target.slice());
    expect(got.value).toBe(expected.value);
    expect(got.grad).toBe(grad);
    expect(grad).toEqual(expected.grad);
    const labels = arena.int32(n).fill(0, 0, n);
    const rows = softmaxCrossEntropy.valueAndGrad(prediction, labels, { out: { grad } });
    const plain = softmaxCrossEntropy.valueAndGrad(prediction.slice(), labels.slice());
    expect(rows.value).toBe(plain.value);
    expect(grad).toEqual(plain.grad);
  }
  // A row worked on in what is free.
  const [row, grad] = [arena.float64(10_000), arena.float64(10_000)];
  row.forEach((_, k) => {
    row[k] = k % 11;
  });
  const got = softmaxCrossEntropy.valueAndGrad(row, Int32Array.of(3), { out: { grad } });
  const expected = softmaxCrossEntropy.valueAndGrad(row.slice(), Int32Array.of(3));
  expect(got.value).toBe(expected.value);
  expect(grad).toEqual(expected.grad);
});

it("is collected with its arrays when nobody holds them, however it was used", async () => {
  const collect = collector();
  const held: WeakRef<object>[] = [];
  (() => {
    const arena = new Arena({ bytes: 2 ** 20 });
    const [prediction, target, grad] = [arena.float32(9000), arena.float32(9000), arena.float32(9000)];
    huber.valueAndGrad(prediction, target, { out: { grad } });
    softmaxCrossEntropy.valueAndGrad(prediction, Int32Array.of(1), { out: { grad } });
    softmaxCrossEntropy.valueAndGrad(prediction, target, { classes: 9, out: { grad } });
    huber.valueAndGrad(new Float32Array(9000), target, { out: { grad } });
    held.push(new WeakRef(arena), new WeakRef(prediction.buffer));
  })();
  const isKept = () => held.some((ref) => ref.deref() !== undefined);
  // The compiler of the machine code may hold an array while it is at work.
  for (let k = 0; k === 0 || (k < 10 && isKept()); k++) {
    await new Promise((done) => setTimeout(done, k));
    collect();
  }
  expect(isKept()).toBe(false);
});

function nonZeros(array: Float32Array | Float64Array | Int32Array): number {
  let found = 0;
  for (let k = 0; k < array.length; k++) if (!Object.is(array[k], 0)) found++;
  return found;
}

function expectError(act: () => unknown, kind: ErrorConstructor, message: string): void {
  expect(messageOf(act, kind)).toBe(message);
}

function messageOf(act: () => unknown, kind: ErrorConstructor): string {
  try {
    act();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    expect(error.constructor).toBe(kind);
    return error.message;
  }
  return expect.fail("no error");
}
