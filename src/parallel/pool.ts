/** The pool: its threads, and the calls that take turns. */
import { GRAD, HESS, SUM } from "../../assembly/want.js";
import { show } from "../arrays.js";
import { JOB, type Job } from "../engine.js";
import { carry, mostParts, prepareOutputs } from "./carry.js";
import { Memory } from "./memory.js";
import { Ended, Thread } from "./thread.js";
import type { Pool } from "./types.js";
import { isWorthwhile } from "./worthwhile.js";

const wants = { value: SUM, grad: GRAD, valueAndGrad: SUM | GRAD, valueGradHess: SUM | GRAD | HESS, total: SUM };
type Method = keyof typeof wants;
type Carried = (prediction: unknown, target: unknown, options?: unknown) => unknown;

/** A loss that can be carried out in parts. */
interface Divisible extends Readonly<Record<Exclude<Method, "value">, Carried>> {
  (prediction: unknown, target: unknown, options?: unknown): unknown;
  [JOB](prediction: unknown, target: unknown, options?: unknown): Job;
}

function isDivisible(loss: unknown): loss is Divisible {
  return typeof loss === "function" && JOB in loss;
}

/** As a public `Pool`, whose overloads say what each call returns. */
export class Threads {
  readonly threads: number;
  #threads: Thread[] = [];
  #memory = new Memory();
  #closed = false;
  /** Settles when the last call has, whatever became of it. */
  #last: Promise<void> = Promise.resolve();

  /** `pays`: whether a job is to be divided. */
  constructor(
    threads: number,
    private readonly script?: URL,
    private readonly pays: (job: Job) => boolean = isWorthwhile,
  ) {
    this.threads = threads;
    try {
      while (threads > 1 && this.#threads.length < threads) this.#threads.push(new Thread(script));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Resolves when all threads have answered. */
  async started(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.ask({ ask: "release" })));
  }

  value(loss: unknown, prediction: unknown, target: unknown, options?: unknown): Promise<unknown> {
    return this.#queue("value", loss, prediction, target, options);
  }

  grad(loss: unknown, prediction: unknown, target: unknown, options?: unknown): Promise<unknown> {
    return this.#queue("grad", loss, prediction, target, options);
  }

  valueAndGrad(loss: unknown, prediction: unknown, target: unknown, options?: unknown): Promise<unknown> {
    return this.#queue("valueAndGrad", loss, prediction, target, options);
  }

  valueGradHess(loss: unknown, prediction: unknown, target: unknown, options?: unknown): Promise<unknown> {
    return this.#queue("valueGradHess", loss, prediction, target, options);
  }

  total(loss: unknown, prediction: unknown, target: unknown, options?: unknown): Promise<unknown> {
    return this.#queue("total", loss, prediction, target, options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#memory = new Memory();
    await Promise.all(this.#threads.map((thread) => thread.end("the pool was closed")));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Checks the arguments, and has the call carried out when those before it are. */
  async #queue(
    method: Method,
    loss: unknown,
    prediction: unknown,
    target: unknown,
    options: unknown,
  ): Promise<unknown> {
    if (this.#closed) throw new Error(`pool.${method}: the pool was closed`);
    if (!isDivisible(loss)) {
      const name = typeof loss === "function" ? loss.name : "";
      throw new TypeError(
        `pool.${method}: loss must be one of simdloss's losses of elements or of rows, got ${name || show(loss)}`,
      );
    }
    const job = loss[JOB](prediction, target, options);
    const turn = this.#last.then(() => this.#carryOut(method, job));
    this.#last = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  async #carryOut(method: Method, job: Job): Promise<unknown> {
    if (this.#closed) throw new Error(`pool.${method}: the pool was closed`);
    const want = wants[method];
    const whole: Job = method === "total" ? { ...job, reduction: "sum" } : job;
    prepareOutputs(whole, want);
    if (this.#threads.length > 0 && mostParts(whole) > 1 && this.pays(whole)) {
      try {
        const done = await carry(whole, want, this.#threadsFor(whole), this.#memory);
        if (done !== undefined) return method === "total" ? done : resultsOf(whole, method, done.sum);
      } catch (error) {
        if (error instanceof Ended) throw new Error(`pool.${method}: ${error.message}`, { cause: error });
        throw error;
      }
    }
    return method === "total" ? job.total() : resultsOf(whole, method, job.run(want));
  }

  /** All threads, where one has ended or has other kernels than the job's a new one. */
  #threadsFor({ modules }: Job): readonly Thread[] {
    this.#threads = this.#threads.map((thread) => {
      if (thread.takes(modules)) return thread;
      thread.end("another has taken its place");
      const next = new Thread(this.script);
      next.takes(modules);
      return next;
    });
    return this.#threads;
  }
}

/** The public pool. */
export function asPool(threads: Threads): Pool {
  const members: Readonly<Record<keyof Pool, unknown>> = threads;
  // One body serves every kind of loss; what goes with which, and what comes of it, the public type says.
  return members as Pool;
}

/** What the loss's method returns. */
function resultsOf(job: Job, method: Method, sum: number): unknown {
  const value = job.reduction === "none" ? job.call.value : sum;
  if (method === "value") return value;
  const { grad, hess } = derivativesOf(job);
  if (method === "grad") return grad;
  return method === "valueAndGrad" ? { value, grad } : { value, grad, hess };
}

function derivativesOf({ kind, call }: Job): { grad: unknown; hess: unknown } {
  const { grad, hess } = call;
  if (kind !== "rows" || !call.spec.both) return { grad, hess };
  const [x, y] = call.spec.arrays;
  return { grad: { [x]: grad, [y]: call.gradOther }, hess: { [x]: hess, [y]: call.hessOther } };
}
