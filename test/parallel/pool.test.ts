/** Pools live and die: turns, memory, workers that end, closing, and runtimes without what they need. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import threads from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ROUND } from "../../assembly/want.js";
import { JOB } from "../../src/engine.js";
import { bce, gaussianKl, huber, mse } from "../../src/index.js";
import { createPool } from "../../src/parallel/index.js";
import { asPool, Threads } from "../../src/parallel/pool.js";
import { isWorthwhile } from "../../src/parallel/worthwhile.js";
import { shared } from "../buffers.js";
import { fill } from "../random.js";
import { pooled } from "./pools.js";

const n = 3 * ROUND + 100;
const x = fill(Float32Array, n, (k) => Math.sin(k));
const y = fill(Float32Array, n, (k) => Math.cos(3 * k));

const opened: Threads[] = [];

/** Of threads that divide every call. */
async function open(count = 2) {
  const team = new Threads(count, undefined, () => true);
  opened.push(team);
  await team.started();
  return asPool(team);
}

const { Worker } = threads;

/** The workers that are started from here on. */
function watch() {
  const workers: threads.Worker[] = [];
  threads.Worker = class extends Worker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      workers.push(this);
    }
  };
  return workers;
}

afterEach(async () => {
  threads.Worker = Worker;
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  await Promise.all(opened.splice(0).map((team) => team.close()));
});

const isOfShared = (array: Float32Array | Float64Array): boolean => array.buffer instanceof SharedArrayBuffer;

describe("results", () => {
  it("lie in the caller's own arrays", async () => {
    const pool = await open();
    for (const grad of [new Float32Array(n), shared(Float32Array, x)]) {
      const found = await pool.valueAndGrad(huber, x, y, { out: { grad } });
      expect(found.grad).toBe(grad);
      expect(grad).toEqual(huber.grad(x, y));
    }
  });

  it("are shared where the prediction is, whether the call is divided or not", async () => {
    const small = await createPool({ threads: 1 });
    for (const pool of [await open(), small]) {
      for (const prediction of [x, shared(Float32Array, x)]) {
        const { value, grad, hess } = await pool.valueGradHess(huber, prediction, y, { reduction: "none" });
        expect([value, grad, hess].map(isOfShared)).toEqual(Array(3).fill(prediction !== x));
        const whole = prediction.subarray(0, n - (n % 10));
        const options = { latent: 10, out: { hess: { mean: new Float32Array(whole.length) } } };
        const gaussian = await pool.grad(gaussianKl, whole, y.subarray(0, whole.length), options);
        expect(Object.values(gaussian).map(isOfShared)).toEqual(Array(2).fill(prediction !== x));
      }
      expect(await pool.value(huber, shared(Float32Array, x), y)).toBe(huber(x, y));
    }
  });

  it("may take the prediction's place", async () => {
    const pool = await open();
    for (const prediction of [x.slice(), shared(Float32Array, x)]) {
      await pool.grad(huber, prediction, y, { out: { grad: prediction } });
      expect(Float32Array.from(prediction)).toEqual(huber.grad(x, y));
    }
  });

  it("are written nowhere else", async () => {
    const pool = await open();
    const memory = shared(Float32Array, new Float32Array(n + 8).fill(7));
    const grad = memory.subarray(4, 4 + n);
    await pool.grad(huber, shared(Float32Array, x), y, { out: { grad, hess: new Float32Array(n) } });
    expect([...memory.subarray(0, 4), ...memory.subarray(4 + n)]).toEqual(Array(8).fill(7));
  });
});

describe("turns", () => {
  it("are taken in the order of the calls", async () => {
    const pool = await open();
    const [a, b] = [shared(Float32Array, x), shared(Float32Array, y)];
    const wrong = pool.value(bce, a, b);
    const first = pool.grad(mse, a, b, { out: { grad: a } });
    const second = pool.valueAndGrad(huber, a, b, { out: { grad: a } });
    const last = pool.value(mse, a.subarray(0, 5), y.subarray(0, 5));
    await expect(wrong).rejects.toThrow("prediction");
    expect(await first).toBe(a);
    const slopes = mse.grad(x, y);
    expect((await second).value).toBe(huber(slopes, y));
    expect(await last).toBe(mse(huber.grad(slopes, y).subarray(0, 5), y.subarray(0, 5)));
  });

  it("have their options from when they were made, too small to be divided as well", async () => {
    const pool = asPool(new Threads(1));
    const options = { delta: 1 };
    const plain = [3, 3];
    const found = Promise.all([
      pool.value(huber, Float32Array.of(3), Float32Array.of(0), options),
      pool.value(mse, plain, [0, 0]),
    ]);
    options.delta = 3;
    plain[0] = 100;
    expect(await found).toEqual([2.5, 9]);
  });

  it("have their options from when they were made", async () => {
    const pool = await open();
    const options = { delta: 0.5 };
    const asked = pool.value(huber, x, y, options);
    options.delta = 2;
    expect(await asked).toBe(huber(x, y, { delta: 0.5 }));
  });
});

describe("memory", () => {
  it("is kept from call to call", async () => {
    const pool = await open();
    const weights = x.map(Math.abs);
    const run = () => pool.valueGradHess(mse, x, y, { weights });
    await run();
    const Original = SharedArrayBuffer;
    let made = 0;
    vi.stubGlobal(
      "SharedArrayBuffer",
      new Proxy(Original, {
        construct(target, given) {
          made++;
          return Reflect.construct(target, given);
        },
      }),
    );
    for (let k = 0; k < 5; k++) await run();
    await pool.value(mse, x.subarray(1), y.subarray(1));
    expect(made).toBe(0);
    await pool.value(mse, new Float32Array(2 * n), new Float32Array(2 * n));
    expect(made).toBe(2);
  });
});

describe("small calls", () => {
  it("are carried out by the caller's thread", async () => {
    const workers = watch();
    const pool = await createPool({ threads: 2 });
    const posts = workers.map((worker) => vi.spyOn(worker, "postMessage"));
    await pool.valueAndGrad(mse, x, y);
    for (const post of posts) expect(post).not.toHaveBeenCalled();
    const many = shared(Float32Array, new Float32Array(2 ** 20));
    expect(await pool.value(mse, many, many)).toBe(0);
    for (const post of posts) expect(post).toHaveBeenCalled();
    await pool.close();
  });

  it("one thread is the caller's", async () => {
    const workers = watch();
    vi.stubGlobal("SharedArrayBuffer", undefined);
    const pool = await createPool({ threads: 1 });
    expect(pool.threads).toBe(1);
    const many = new Float32Array(2 ** 21).fill(3);
    expect(await pool.value(mse, many, new Float32Array(2 ** 21))).toBe(9);
    expect(workers).toHaveLength(0);
    await pool.close();
  });
});

describe("a worker that ends", () => {
  it("rejects the call under way, and the next one has another", async () => {
    const workers = watch();
    const pool = await open();
    const expected = bce(x.map(Math.abs), y.map(Math.abs));
    const run = () => pool.value(bce, x.map(Math.abs), y.map(Math.abs));
    expect(await run()).toBe(expected);
    for (const turn of [0, 1, 2]) {
      const asked = run();
      const caught = expect(asked).rejects.toThrow(new Error("pool.value: a worker ended, exit code 1"));
      await workers.at(turn)?.terminate();
      await caught;
      expect(await run()).toBe(expected);
      expect(workers).toHaveLength(3 + turn);
    }
  });

  it("also between calls", async () => {
    const workers = watch();
    const pool = await open();
    await workers[1]?.terminate();
    expect(await pool.value(mse, x, y)).toBe(mse(x, y));
  });

  it("by an error of its own", async () => {
    const workers = watch();
    const pool = await open();
    const asked = pool.value(mse, x, y);
    // When it has been posted its part.
    for (let k = 0; k < 3; k++) await undefined;
    workers[0]?.emit("error", new Error("out of memory"));
    await expect(asked).rejects.toThrow(new Error("pool.value: a worker failed: out of memory"));
    expect(await pool.value(mse, x, y)).toBe(mse(x, y));
  });

  it("a message that no worker understands leaves it alive", async () => {
    const workers = watch();
    const pool = await open();
    workers[0]?.postMessage(undefined);
    await new Promise((done) => workers[0]?.once("message", done));
    expect(await pool.value(mse, x, y)).toBe(mse(x, y));
    expect(workers).toHaveLength(2);
  });
});

describe("losses of another build of the package", () => {
  it("have workers with their own kernels", async () => {
    const built = await import("simdloss");
    const workers = watch();
    const pool = await open();
    expect(await pool.value(huber, x, y)).toBe(huber(x, y));
    expect(await pooled(pool, built.huber, "value")(x, y)).toBe(huber(x, y));
    expect(workers).toHaveLength(4);
    expect(await pooled(pool, built.mse, "value")(x, y)).toBe(mse(x, y));
    expect(workers).toHaveLength(4);
  });
});

describe("close", () => {
  it("rejects what is under way, what waits, and what comes later; twice is as good as once", async () => {
    const pool = await open();
    const asked = [pool.value(mse, x, y), pool.grad(mse, x, y), pool.total(mse, x, y)];
    const caught = Promise.allSettled(asked);
    await Promise.resolve();
    await pool.close();
    await pool.close();
    const reasons = (await caught).map((settled) =>
      settled.status === "rejected" ? String(settled.reason) : settled.value,
    );
    expect(reasons).toEqual([
      "Error: pool.value: the pool was closed",
      "Error: pool.grad: the pool was closed",
      "Error: pool.total: the pool was closed",
    ]);
    await expect(pool.valueGradHess(mse, x, y)).rejects.toThrow("pool.valueGradHess: the pool was closed");
    const one = await createPool({ threads: 1 });
    one.close();
    await expect(one.value(mse, x, y)).rejects.toThrow("pool.value: the pool was closed");
  });

  it("waits for its threads, though they still answer", async () => {
    const workers = watch();
    const pool = await open();
    const releases = workers.map((each) => vi.spyOn(each, "unref"));
    const closing = pool.close();
    for (const each of workers) each.emit("message", { findings: {} });
    for (const release of releases) expect(release).not.toHaveBeenCalled();
    await closing;
  });

  it("is what using does", async () => {
    const workers = watch();
    const pool = await open();
    pool[Symbol.dispose]();
    await expect(pool.value(mse, x, y)).rejects.toThrow("the pool was closed");
    const other = await open();
    await other[Symbol.asyncDispose]();
    expect(workers.map((worker) => worker.threadId)).toEqual([-1, -1, -1, -1]);
  });

  const script = (rest: string): string => `
    import { mse } from "simdloss";
    import { createPool } from "simdloss/parallel";
    const pool = await createPool({ threads: 2 });
    const many = new Float32Array(new SharedArrayBuffer(2 ** 22)).fill(1);
    if (await pool.value(mse, many, many) !== 0) throw new Error("wrong");
    ${rest}`;
  const run = async (rest: string): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script(rest)], {
      timeout: 20_000,
    });
    return stdout.trim();
  };

  it("leaves no handle open, and the process ends", async () => {
    const watching = `
      await pool.close();
      await new Promise((done) => setImmediate(done));
      console.log(process.getActiveResourcesInfo().filter((name) => name.includes("Worker") || name.includes("Port")).length);`;
    expect(await run(watching)).toBe("0");
  });

  it("may be forgotten: idle threads do not keep the process alive, busy ones do", async () => {
    expect(await run(`console.log("idle");`)).toBe("idle");
    expect(await run(`pool.value(mse, many, many).then(console.log);`)).toBe("0");
  });
});

describe("createPool", () => {
  it("has as many threads as the machine runs at a time", async () => {
    const pool = await createPool();
    expect(pool.threads).toBe(availableParallelism());
    await pool.close();
  });

  it("says what its options must be", async () => {
    const cases = [
      [{ threads: 0 }, new RangeError("createPool: threads must be a whole number of at least 1, got 0")],
      [{ threads: 1.5 }, new RangeError("createPool: threads must be a whole number of at least 1, got 1.5")],
      [{ threads: "2" }, new TypeError('createPool: threads must be a number, got "2"')],
      [{ thread: 2 }, new TypeError('createPool: unknown option "thread"; the options are threads, worker')],
      [{ worker: "worker.js" }, new TypeError('createPool: worker must be a URL, got "worker.js"')],
      [2, new TypeError("createPool: options must be an object, got 2")],
    ] as const;
    for (const [options, error] of cases) {
      await expect(Reflect.apply(createPool, undefined, [options])).rejects.toThrow(error);
    }
  });

  it("says what is missing without shared memory", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    await expect(createPool({ threads: 2 })).rejects.toThrow(
      "createPool: more than one thread needs SharedArrayBuffer, which pages have only with the headers " +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp; threads: 1 works without",
    );
  });

  it("says what is missing where there are no workers, or none start", async () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    const rest = "threads: 1 works without workers";
    await expect(createPool({ threads: 2 })).rejects.toThrow(`createPool: this runtime has no workers; ${rest}`);
    vi.restoreAllMocks();
    const workers = watch();
    const worker = new URL("data:text/javascript,throw new Error('no script')");
    await expect(createPool({ threads: 2, worker })).rejects.toThrow(
      `createPool: a worker failed: no script; a Content-Security-Policy needs worker-src blob:, or the option worker; ${rest}`,
    );
    expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1]);
  });

  it("ends the workers that started where another does not", async () => {
    const started: threads.Worker[] = [];
    threads.Worker = class extends Worker {
      constructor(...given: ConstructorParameters<typeof Worker>) {
        if (started.length === 1) throw new Error("EAGAIN");
        super(...given);
        started.push(this);
      }
    };
    await expect(createPool({ threads: 3 })).rejects.toThrow("EAGAIN");
    await vi.waitFor(() => expect(started.map(({ threadId }) => threadId)).toEqual([-1]));
  });

  it("takes the URL of a served script", async () => {
    const worker = new URL("../../dist/worker.js", import.meta.url);
    const pool = await createPool({ threads: 2, worker });
    const many = shared(Float32Array, new Float32Array(2 ** 20).fill(2));
    expect(await pool.value(mse, many, shared(Float32Array, new Float32Array(2 ** 20)))).toBe(4);
    await pool.close();
  });
});

describe("which calls are divided", () => {
  const sizes = (loss: object, ...arrays: readonly Float32Array[]): readonly boolean[] =>
    [2 ** 18 - 1, 2 ** 18, 2 ** 19, 2 ** 20].map((length) => {
      const [prediction, target] = arrays.map((array) => array.subarray(0, length));
      const options = loss === gaussianKl ? { latent: 1 } : {};
      return isWorthwhile(Reflect.get(loss, JOB)(prediction, target, options));
    });
  const plain = new Float32Array(2 ** 20);
  const common = new Float32Array(new SharedArrayBuffer(2 ** 22));

  it("is told by the loss, where its arrays lie, and how many elements they have", () => {
    expect(sizes(bce, common, common)).toEqual([false, true, true, true]);
    expect(sizes(gaussianKl, common, common)).toEqual([false, false, true, true]);
    expect(sizes(huber, common, common)).toEqual([false, false, false, true]);
    for (const arrays of [
      [plain, plain],
      [common, plain],
      [plain, common],
    ]) {
      expect(sizes(bce, ...arrays)).toEqual([false, false, false, true]);
      expect(sizes(huber, ...arrays)).toEqual(Array(4).fill(false));
      expect(sizes(gaussianKl, ...arrays)).toEqual(Array(4).fill(false));
    }
  });
});

it("the example in the docstring gives what it says", async () => {
  const text = readFileSync(new URL("../../src/parallel/index.ts", import.meta.url), "utf8").replace(/^ \* ?/gm, "");
  const [, code = "", value = ""] = /^@example\n([\s\S]*?) \/\/ value is (\d+)$/m.exec(text) ?? [];
  const run = Reflect.construct(Function, ["createPool", "mse", `return (async () => { ${code} return value; })()`]);
  expect(await run(createPool, mse)).toBe(Number(value));
});
