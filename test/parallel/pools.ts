/** Pools of one, two and three threads that divide every call, however small. */
import { afterAll, beforeAll } from "vitest";
import { asPool, Threads } from "../../src/parallel/pool.js";
import type { Pool } from "../../src/parallel/types.js";

/** Started before a file's tests, closed after them. */
export function dividing(threads: number): () => Pool {
  let pool: Threads | undefined;
  beforeAll(async () => {
    pool = new Threads(threads, undefined, () => true);
    await pool.started();
  });
  afterAll(() => pool?.close());
  return () => {
    if (pool === undefined) throw new Error("no pool");
    return asPool(pool);
  };
}

/** A loss and its five methods, by their names, as a pool and as one thread carry them out. */
export const methods = ["value", "grad", "valueAndGrad", "valueGradHess", "total"] as const;
export type Method = (typeof methods)[number];

type Carried = (prediction: unknown, target: unknown, options?: unknown) => unknown;

/** What one thread returns. */
export function alone(loss: unknown, method: Method): Carried {
  const found: unknown = method === "value" ? loss : Reflect.get(Object(loss), method);
  if (typeof found !== "function") throw new Error(`no ${method}`);
  return (prediction, target, options) => Reflect.apply(found, loss, [prediction, target, options]);
}

/** What the pool returns; any arguments at all, as a program without types gives them. */
export function pooled(pool: Pool, loss: unknown, method: Method): (...given: Parameters<Carried>) => Promise<unknown> {
  return (prediction, target, options) => Reflect.apply(pool[method], pool, [loss, prediction, target, options]);
}

/** Numbers, and arrays under the names that lead to them, in whatever was returned. */
export function leaves(
  thing: unknown,
  name = "",
): readonly (readonly [name: string, leaf: number | Float32Array | Float64Array])[] {
  if (typeof thing === "number" || thing instanceof Float32Array || thing instanceof Float64Array)
    return [[name, thing]];
  return Object.entries(Object(thing)).flatMap(([key, value]) => leaves(value, `${name}.${key}`));
}
