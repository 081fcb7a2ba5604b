/**
 * A worker that scores batches of predictions over HTTP, and keeps nothing. README.md says what it takes and gives.
 *
 * It has one export: workerd takes any other for a handler.
 */
import { rmse } from "simdloss";
import { type Batch, batchOf, longestJson, longestRow } from "./batch.js";
import { bodyOf, longestBody } from "./body.js";
import { type Floats, losses, type Scored } from "./losses.js";
import { Refusal } from "./refusal.js";

export default {
  async fetch(request: Request): Promise<Response> {
    try {
      return Response.json(await answer(request));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return Response.json({ error: error.message }, { status: error.status, headers: error.headers });
    }
  },
};

async function answer(request: Request): Promise<object> {
  // First of all, as many clients only look for an answer once they have sent everything.
  const body = await bodyOf(request);
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/") {
    allow(request, "GET");
    return about;
  }
  const loss = losses.get(pathname.slice(1));
  if (loss === undefined) {
    throw new Refusal(404, `${pathname} is no loss; the losses are ${[...losses.keys()].join(", ")}`);
  }
  allow(request, "POST");
  return score(loss, batchOf(loss, searchParams, request.headers.get("content-type"), body));
}

const about = {
  losses: Object.fromEntries([...losses].map(([name, { formula }]) => [name, formula])),
  limits: { body: longestBody, json: longestJson, row: longestRow },
};

function allow({ method }: Request, allowed: "GET" | "POST"): void {
  if (method !== allowed) throw new Refusal(405, `the method must be ${allowed}, got ${method}`, { allow: allowed });
}

/** What a batch is answered with. */
interface Score {
  readonly loss: number;
  /** √Σ g², g the loss's derivatives by the predictions. */
  readonly gradientNorm: number;
  /** Adds up with those of other batches: `mergeTotals`, `fromTotal`. */
  readonly total: { readonly sum: number; readonly weight: number };
}

function score(loss: Scored, { prediction, target, options }: Batch): Score {
  const { name } = loss;
  const { total, value, grad } = checked(name, () => ({
    total: loss.total(prediction, target, options),
    ...loss.valueAndGrad(prediction, target, options),
  }));
  if (typeof value !== "number") throw new Refusal(400, `${name}: reduction must be "mean" or "sum" here`);
  if (total.weight === 0) throw new Refusal(422, `${name}: nothing counts in this batch, it has a weight of 0`);
  const gradientNorm = "mean" in grad ? Math.hypot(norm(grad.mean), norm(grad.logVariance)) : norm(grad);
  for (const [what, number] of Object.entries({ loss: value, gradientNorm, "total.sum": total.sum })) {
    if (!Number.isFinite(number)) throw new Refusal(422, `${name}: ${what} is ${number}, which JSON has no number for`);
  }
  return { loss: value, gradientNorm, total };
}

/** The library says what is wrong under the loss's name; anything else would be a mistake of this program's. */
function checked<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith(`${name}: `)) throw new Refusal(400, error.message);
    throw error;
  }
}

/** By the root mean square, in which no square overflows. */
function norm(grad: Floats): number {
  const zeros = grad instanceof Float32Array ? new Float32Array(grad.length) : new Float64Array(grad.length);
  return Math.sqrt(grad.length) * rmse(grad, zeros);
}
