/** What every runtime is asked. Of the runtime it needs JavaScript alone, and the package it is handed, as its entry has imported it. */
import expectedBits from "../bits.json" with { type: "json" };
import { hashes } from "../portable/bits.js";
import { known } from "./known.js";
import type { Report } from "./report.js";

export interface Entries {
  readonly simdloss: typeof import("../../src/index.js");
  readonly reference: typeof import("../../src/reference/index.js");
  readonly createPool: typeof import("../../src/parallel/index.js").createPool;
}
type Package = Entries["simdloss"];
type Losses = Omit<Package, "Arena">;

/** Throws where it fails. */
interface Check {
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** All of it. `refusal`: what `createPool` says where it starts no threads. */
export function smoke(entries: Entries, refusal?: string): Promise<Report> {
  const { simdloss, reference } = entries;
  return report([
    ...values("simdloss", simdloss),
    ...values("simdloss/reference", reference),
    ...messages("simdloss", simdloss),
    ...messages("simdloss/reference", reference),
    ...bits(simdloss),
    ...arena(simdloss),
    ...(refusal === undefined ? threads(entries) : noThreads(entries, refusal)),
  ]);
}

/** Where nothing may be compiled: the error says what to do, and what it names does it. */
export function smokeWithoutKernels({ simdloss, reference }: Entries): Promise<Report> {
  const refused = /^simdloss: there are no kernels \(.*'wasm-unsafe-eval'.*simdloss\/reference/;
  return report([
    {
      name: "simdloss",
      run() {
        const { name, message } = errorOf(() => simdloss.huber([1], [0]));
        if (name !== "Error" || !refused.test(message)) throw new Error(`expected ${refused}, got ${name}: ${message}`);
      },
    },
    ...values("simdloss/reference", reference),
    ...messages("simdloss/reference", reference),
  ]);
}

async function report(checks: readonly Check[]): Promise<Report> {
  let passed = 0;
  const failures: string[] = [];
  for (const { name, run } of checks) {
    try {
      await run();
      passed++;
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { passed, failures };
}

function values(entry: string, losses: Losses): readonly Check[] {
  const tested = new Set<string>(known.map(({ loss }) => loss));
  return [
    {
      name: `${entry} has no export that is not asked for`,
      run: () =>
        expectSame(
          Object.keys(losses)
            .filter((name) => name !== "Arena" && !tested.has(name))
            .join(),
          "",
        ),
    },
    ...known.map(({ loss, got, expected, within = 1e-14 }) => ({
      name: `${entry} ${loss}`,
      run() {
        const numbers = numbersOf(got(losses));
        const near = expected.every((x, k) => Math.abs((numbers[k] ?? NaN) - x) <= within * Math.abs(x));
        if (numbers.length !== expected.length || !near) throw new Error(`expected ${expected}, got ${numbers}`);
      },
    })),
  ];
}

function numbersOf(thing: unknown): readonly number[] {
  return typeof thing === "number" ? [thing] : Object.values(Object(thing)).flatMap(numbersOf);
}

function messages(entry: string, { huber, mse, logCosh, bce, softmaxCrossEntropy, ssim }: Losses): readonly Check[] {
  const bad: readonly (readonly [call: () => unknown, error: string])[] = [
    [() => huber([1], [0], { delta: -1 }), "RangeError: huber: delta must be greater than 0, got -1"],
    [() => mse([1], [1, 2]), "RangeError: mse: target must have 1 element like prediction, got 2"],
    [
      () => Reflect.apply(mse, undefined, ["x", [1]]),
      'TypeError: mse: prediction must be a Float32Array, a Float64Array or an array of numbers, got "x"',
    ],
    [
      () => Reflect.apply(logCosh, undefined, [[1], [1], { delta: 1 }]),
      'TypeError: logCosh: unknown option "delta"; the options are reduction, weights, out',
    ],
    [() => bce([0.5, 2], [0, 1]), "RangeError: bce: prediction 2 at 1 is outside [0, 1]"],
    [
      () => softmaxCrossEntropy([1, 2], Int32Array.of(2)),
      "RangeError: softmaxCrossEntropy: label 2 at row 0 is not in 0…1",
    ],
    [
      () => ssim([1], [1], { width: 1, height: 1 }),
      "RangeError: ssim: width must be a whole number of at least 11, the side of the window, got 1",
    ],
  ];
  return bad.map(([call, error]) => ({
    name: `${entry} throws`,
    run: () => expectError(errorOf(call), error),
  }));
}

/** Of another realm it may be, so that `instanceof` says nothing. */
function errorOf(call: () => unknown): { readonly name: string; readonly message: string } {
  try {
    call();
  } catch (error) {
    return { name: String(Reflect.get(Object(error), "name")), message: String(Reflect.get(Object(error), "message")) };
  }
  return { name: "none", message: "nothing was thrown" };
}

function expectError({ name, message }: { readonly name: string; readonly message: string }, expected: string): void {
  expectSame(`${name}: ${message}`, expected);
}

function bits(simdloss: Package): readonly Check[] {
  let got: Readonly<Record<string, string>> | undefined;
  const found = () => {
    got ??= hashes(simdloss);
    return got;
  };
  return [
    {
      name: "names of test/bits.json",
      run: () => expectSame(Object.keys(found()).join(), Object.keys(expectedBits).join()),
    },
    ...Object.entries(expectedBits).map(([name, hash]) => ({
      name: `bits of ${name}`,
      run: () => expectSame(found()[name], hash),
    })),
  ];
}

function arena({ Arena, huber }: Package): readonly Check[] {
  return [
    {
      name: "arrays in an Arena",
      run() {
        const arena = new Arena({ bytes: 12000 });
        const [prediction, target, grad] = [arena.float32(1000), arena.float32(1000), arena.float32(1000)];
        prediction.forEach((_, k) => {
          prediction[k] = Math.fround(k / 7 - 40);
        });
        const elsewhere = huber.valueAndGrad(prediction.slice(), target.slice());
        const here = huber.valueAndGrad(prediction, target, { out: { grad } });
        expectSame(here.grad === grad, true);
        expectSame(here.value, elsewhere.value);
        expectSame(grad.join(), elsewhere.grad.join());
        expectError(
          errorOf(() => arena.float32(1)),
          "RangeError: Arena: float32(1) needs 4 bytes, 0 of 12000 are free",
        );
      },
    },
  ];
}

/** Enough numbers that a pool divides them; no sum of them is exact, so that their order shows. */
function shared(n: number): Float32Array {
  const array = new Float32Array(new SharedArrayBuffer(4 * n));
  for (let k = 0; k < n; k++) array[k] = (((k * 7919) % 10007) / 10007) ** 3;
  return array;
}

function threads({ simdloss: { bceWithLogits, mse, softmaxCrossEntropy }, createPool }: Entries): readonly Check[] {
  return [
    {
      name: "a pool of two threads",
      async run() {
        const pool = await createPool({ threads: 2 });
        try {
          expectSame(pool.threads, 2);
          const [x, y] = [shared(2 ** 20 + 777), shared(2 ** 20 + 777).reverse()];
          expectSame(await isElsewhere(pool.value(mse, [1], [0])), false);
          expectSame(await isElsewhere(pool.value(mse, x, y)), true);
          for (const loss of [mse, bceWithLogits]) {
            const { value, grad } = loss.valueAndGrad(x, y);
            const got = await pool.valueAndGrad(loss, x, y);
            expectSame(got.value, value);
            expectSame(differences(got.grad, grad), 0);
          }
          const logits = x.subarray(0, 2 ** 20);
          const labels = Int32Array.from({ length: 2 ** 16 }, (_, row) => row % 16);
          const { value, grad } = softmaxCrossEntropy.valueAndGrad(logits, labels);
          const got = await pool.valueAndGrad(softmaxCrossEntropy, logits, labels);
          expectSame(got.value, value);
          expectSame(differences(got.grad, grad), 0);
        } finally {
          await pool.close();
        }
      },
    },
    oneThread(createPool, mse),
  ];
}

function noThreads({ simdloss: { mse }, createPool }: Entries, refusal: string): readonly Check[] {
  return [
    {
      name: "a pool of two threads is refused",
      async run() {
        const message = await createPool({ threads: 2 }).then(
          () => "nothing was thrown",
          (error: unknown) => String(error),
        );
        if (!message.startsWith("Error: createPool: ") || !message.includes(refusal)) {
          throw new Error(`expected "${refusal}", got "${message}"`);
        }
      },
    },
    oneThread(createPool, mse),
  ];
}

function oneThread(createPool: Entries["createPool"], mse: Package["mse"]): Check {
  return {
    name: "a pool of one thread",
    async run() {
      const pool = await createPool({ threads: 1 });
      expectSame(await pool.value(mse, [1, 5], [2, 2]), 5);
      await pool.close();
    },
  };
}

/** Another thread's answer is an event, and there is none before all that is queued now is done. */
async function isElsewhere(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const done = promise.finally(() => {
    settled = true;
  });
  for (let k = 0; k < 100 && !settled; k++) await null;
  const pending = !settled;
  await done;
  return pending;
}

function differences(got: Float32Array, expected: Float32Array): number {
  return expected.reduce(
    (count, x, k) => count + Number(!Object.is(x, got[k])),
    Math.abs(got.length - expected.length),
  );
}

function expectSame(got: unknown, expected: unknown): void {
  if (!Object.is(got, expected)) throw new Error(`expected ${String(expected)}, got ${String(got)}`);
}
