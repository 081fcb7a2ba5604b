/** Losses carried out by several threads. */
import { show } from "../arrays.js";
import { isRecord } from "../options.js";
import { asPool, Threads } from "./pool.js";
import { builtin, Ended, hasWorkers } from "./thread.js";
import type { Pool, PoolOptions } from "./types.js";

export type { Pool, PooledLoss, PoolOptions } from "./types.js";

/**
 * Starts threads that carry losses out, bit by bit as one thread does.
 *
 * Web Workers, or those of Node. They need shared memory, which a page has only if it is cross-origin isolated; `threads: 1` is the caller's own and needs
 * none. An idle pool does not keep Node alive; `close()`, or `using`, ends the threads.
 * @throws TypeError, RangeError for options of the wrong kind; Error where there is no shared memory, or workers do not start.
 * @example
 * const pool = await createPool({ threads: 2 });
 * const shared = (n) => new Float32Array(new SharedArrayBuffer(4 * n));
 * const { value, grad } = await pool.valueAndGrad(mse, shared(2 ** 20).fill(3), shared(2 ** 20));
 * await pool.close(); // value is 9
 */
export async function createPool(options?: PoolOptions): Promise<Pool> {
  const { threads, worker } = optionsOf(options);
  if (threads > 1 && typeof SharedArrayBuffer === "undefined") {
    throw new Error(
      "createPool: more than one thread needs SharedArrayBuffer, which pages have only with the headers " +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp; threads: 1 works without",
    );
  }
  let pool: Threads | undefined;
  try {
    pool = new Threads(threads, worker);
    await pool.started();
    return asPool(pool);
  } catch (error) {
    await pool?.close();
    if (!(error instanceof Ended)) throw error;
    const policy = hasWorkers() ? " a Content-Security-Policy needs worker-src blob:, or the option worker;" : "";
    throw new Error(`createPool: ${error.message};${policy} threads: 1 works without workers`, { cause: error });
  }
}

function optionsOf(options: unknown = {}): { threads: number; worker: URL | undefined } {
  if (!isRecord(options)) throw new TypeError(`createPool: options must be an object, got ${show(options)}`);
  for (const name in options) {
    if (name === "threads" || name === "worker") continue;
    throw new TypeError(`createPool: unknown option ${show(name)}; the options are threads, worker`);
  }
  const { threads = usual(), worker } = options;
  if (typeof threads !== "number") throw new TypeError(`createPool: threads must be a number, got ${show(threads)}`);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(`createPool: threads must be a whole number of at least 1, got ${threads}`);
  }
  if (worker !== undefined && !(worker instanceof URL)) {
    throw new TypeError(`createPool: worker must be a URL, got ${show(worker)}`);
  }
  return { threads, worker };
}

/** As many as the machine runs at a time. */
function usual(): number {
  if (typeof navigator !== "undefined" && navigator.hardwareConcurrency > 0) return navigator.hardwareConcurrency;
  return builtin().getBuiltinModule?.("node:os").availableParallelism() ?? 1;
}
