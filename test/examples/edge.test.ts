/** The worker of examples/edge as a function of requests; edge.workerd.ts runs it in workerd. */
import fc from "fast-check";
import { bce, gaussianKl, huber, mergeTotals, mse, rmse, softmaxCrossEntropy, type Total } from "simdloss";
import { describe, expect, it } from "vitest";
import worker from "../../examples/edge/worker.js";
import * as specs from "../../src/losses/index.js";
import { drawData, random } from "../random.js";
import { expectAnswer, type Hostile, hostile, statuses, thousand } from "./hostile.js";

const site = "http://edge.test";

interface Answer {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly total: Total;
}

function post(target: string, type: string, body: BodyInit): Promise<Response> {
  return worker.fetch(new Request(site + target, { method: "POST", headers: { "content-type": type }, body }));
}

function postJson(target: string, body: unknown): Promise<Response> {
  return post(target, "application/json", JSON.stringify(body));
}

function postBinary(target: string, ...parts: ArrayBufferView<ArrayBuffer>[]): Promise<Response> {
  return post(target, "application/octet-stream", new Blob(parts));
}

async function answered(response: Promise<Response>): Promise<Answer> {
  const { status } = await response;
  const body = await (await response).json();
  expect([status, body]).toEqual([200, expect.anything()]);
  return body;
}

async function refused(response: Promise<Response>): Promise<[number, string]> {
  const { status } = await response;
  return [status, (await (await response).json()).error];
}

/** √Σ g², straightforwardly. */
const norm = (...grads: (Float32Array | Float64Array)[]) => Math.hypot(...grads.flatMap((grad) => [...grad]));

describe("examples/edge answers what the library does", () => {
  const { prediction, target } = drawData(specs.huber, Float32Array, 1000);

  it("for numbers in JSON", async () => {
    const { loss, gradientNorm, total } = await answered(
      postJson("/huber?delta=2", { prediction: [...prediction], target: [...target] }),
    );
    const [x, y] = [Float64Array.from(prediction), Float64Array.from(target)];
    expect(loss).toBe(huber(x, y, { delta: 2 }));
    expect(total).toEqual(huber.total(x, y, { delta: 2 }));
    expect(gradientNorm).toBeCloseTo(norm(huber.grad(x, y, { delta: 2 })), 14);
  });

  it("for floats of either size", async () => {
    for (const [type, Type] of [
      ["f32", Float32Array],
      ["f64", Float64Array],
    ] as const) {
      const [x, y] = [Type.from(prediction), Type.from(target)];
      const { loss, gradientNorm, total } = await answered(postBinary(`/rmse?type=${type}`, x, y));
      expect(loss).toBe(rmse(x, y));
      expect(total).toEqual(rmse.total(x, y));
      expect(gradientNorm).toBeCloseTo(norm(rmse.grad(x, y)), 7);
    }
  });

  it("for class indices, weights of rows and of classes", async () => {
    const logits = [20, 0, 3, 1, 0, 2];
    const options = { weights: [1, 2, 3], classWeights: [1, 4] };
    const body = { prediction: logits, target: [0, 1, 1], ...options };
    const { loss, total } = await answered(postJson("/softmaxCrossEntropy?classes=2&target=int32&reduction=sum", body));
    const labels = Int32Array.of(0, 1, 1);
    expect(loss).toBe(softmaxCrossEntropy(logits, labels, { ...options, reduction: "sum" }));
    expect(total).toEqual(softmaxCrossEntropy.total(logits, labels, options));
    for (const x of [Float32Array.from(logits), Float64Array.from(logits)]) {
      const query = `classes=2&target=int32&ignoreIndex=0&type=f${8 * x.BYTES_PER_ELEMENT}`;
      const { loss } = await answered(postBinary(`/softmaxCrossEntropy?${query}`, x, labels));
      expect(loss).toBe(softmaxCrossEntropy(x, labels, { ignoreIndex: 0 }));
    }
  });

  it("for both gradients of gaussianKl", async () => {
    const body = { prediction: [3, 0, 1, 2], target: [0, 1, 0, -1] };
    const { loss, gradientNorm } = await answered(postJson("/gaussianKl?latent=2", body));
    const { value, grad } = gaussianKl.valueAndGrad(body.prediction, body.target, { latent: 2 });
    expect(loss).toBe(value);
    expect(gradientNorm).toBeCloseTo(norm(grad.mean, grad.logVariance), 14);
  });

  it("for parameters that may be null or infinite", async () => {
    const { loss } = await answered(postJson("/focal?alpha=null", { prediction: [0.9], target: [1] }));
    expect(loss).toBe(0.0010536051565782623);
    const half = await answered(postJson("/huber?delta=Infinity", { prediction: [8], target: [0] }));
    expect(half.loss).toBe(32);
  });

  it("with totals that add up", async () => {
    const [x, y] = [Float64Array.from(prediction), Float64Array.from(target)];
    const halves = [0, 500].map((from) =>
      answered(postBinary("/mse?type=f64", x.subarray(from, from + 500), y.subarray(from, from + 500))),
    );
    const [one, other] = await Promise.all(halves);
    if (one === undefined || other === undefined) throw new Error("two were asked for");
    // The squares are multiples of 2⁻²⁰: their sums are exact.
    expect(mse.fromTotal(mergeTotals(one.total, other.total))).toBe(mse(x, y));
  });

  it("with gradients whose squares overflow or vanish", async () => {
    for (const scale of [1e200, 1e-200]) {
      const { gradientNorm } = await answered(
        postJson("/mse?reduction=sum", { prediction: [scale * 1e-50, 0], target: [0, 0] }),
      );
      expect(gradientNorm / scale).toBeCloseTo(2e-50, 60);
    }
  });

  it("about itself", async () => {
    const about = await (await worker.fetch(new Request(site))).json();
    expect(Object.keys(about.losses)).toContain("huber");
    expect(about.limits).toEqual({ body: 2 ** 24, json: 2 ** 20, row: 2 ** 16 });
  });
});

describe("examples/edge says what is wrong", () => {
  const good = { prediction: [0.5, 4], target: [0, 0] };
  const long = new Float32Array(2 ** 22 + 1);

  it.each<[string, Promise<Response>, number, string]>([
    ["an unknown path", postJson("/hubert", good), 404, "/hubert is no loss; the losses are bce, bceWithLogits,"],
    ["a name of Object's own", postJson("/constructor", good), 404, "/constructor is no loss"],
    ["another method", worker.fetch(new Request(`${site}/huber`)), 405, "the method must be POST, got GET"],
    ["a batch at the root", postJson("/", good), 405, "the method must be GET, got POST"],
    [
      "another content type",
      post("/huber", "text/plain", "1,2"),
      415,
      'the content type must be application/json or application/octet-stream, got "text/plain"',
    ],
    ["a parameter out of range", postJson("/huber?delta=-1", good), 400, "huber: delta must be greater than 0, got -1"],
    [
      "a parameter that is no number",
      postJson("/huber?delta=NaN", good),
      400,
      'huber: delta must be a number, got "NaN"',
    ],
    ["an empty parameter", postJson("/huber?delta=", good), 400, 'huber: delta must be a number, got ""'],
    [
      "an unknown option",
      postJson("/huber?gamma=2", good),
      400,
      'huber: unknown option "gamma"; the options are delta,',
    ],
    ["an option given twice", postJson("/huber?delta=1&delta=2", good), 400, '"delta" is given twice'],
    [
      "weights in the query",
      postJson("/huber?weights=1", { ...good, weights: [1, 1] }),
      400,
      "huber: weights must be a Float32Array, a Float64Array or an array of numbers, got 1",
    ],
    [
      "a loss of each element",
      postJson("/huber?reduction=none", good),
      400,
      'huber: reduction must be "mean" or "sum" here',
    ],
    [
      "different lengths",
      postJson("/huber", { ...good, target: [0] }),
      400,
      "huber: target must have 2 elements like prediction, got 1",
    ],
    [
      "numbers in strings",
      postJson("/huber", { ...good, target: [0, "NaN"] }),
      400,
      'huber: target must hold numbers, got "NaN" at 1',
    ],
    ["a number out of range", postJson("/bce", good), 400, "bce: prediction 4 at 1 is outside [0, 1]"],
    [
      "an unknown field",
      post("/huber", "application/json", '{"__proto__": {}}'),
      400,
      'unknown field "__proto__"; the fields are prediction, target, weights, classWeights',
    ],
    ["what is no JSON", post("/huber", "application/json", "{"), 400, "the body is not JSON: "],
    ["what is no UTF-8", post("/huber", "application/json", Uint8Array.of(0xff)), 400, "the body is not JSON: "],
    [
      "what is no object",
      postJson("/huber", [1]),
      400,
      'the body must be an object such as {"prediction": [0.5, 4], "target": [0, 0]}',
    ],
    [
      "no length of rows",
      postJson("/softmaxCrossEntropy?target=int32", good),
      400,
      "softmaxCrossEntropy: classes must be given in the query, a whole number from 1 to 65536, got nothing",
    ],
    [
      "rows too long to work on",
      postJson("/gaussianKl?latent=65537", good),
      400,
      "gaussianKl: latent must be given in the query, a whole number from 1 to 65536, got 65537",
    ],
    [
      "a label that is no class",
      postJson("/softmaxCrossEntropy?classes=2&target=int32", { prediction: [1, 2], target: [2] }),
      400,
      "softmaxCrossEntropy: label 2 at row 0 is not in 0…1",
    ],
    [
      "labels of more than 32 bits",
      postJson("/softmaxCrossEntropy?classes=2&target=int32", { prediction: [1, 2], target: [2 ** 32] }),
      400,
      "target must hold whole numbers of 32 bits, got 4294967296 at 0",
    ],
    [
      "labels for floats",
      postBinary("/huber?type=f32&target=int32", new Float32Array(2)),
      400,
      "huber: target must be a Float32Array",
    ],
    [
      "another type of target",
      postBinary("/huber?type=f32&target=f64", new Float32Array(2)),
      400,
      "target must be int32, or be left out",
    ],
    ["no type", postBinary("/huber", new Float32Array(2)), 400, "type must be f32 or f64, got nothing"],
    [
      "an odd length",
      postBinary("/huber?type=f32", new Uint8Array(7)),
      400,
      "the body must have a multiple of 8 bytes (1 f32 and 1 f32), got 7",
    ],
    [
      "half a row",
      postBinary("/softmaxCrossEntropy?classes=3&type=f64&target=int32", new Uint8Array(30)),
      400,
      "the body must have a multiple of 28 bytes (3 f64 and 1 int32), got 30",
    ],
    ["an empty batch", postBinary("/huber?type=f32"), 422, "huber: nothing counts in this batch, it has a weight of 0"],
    [
      "a NaN",
      postBinary("/huber?type=f32", Float32Array.of(Number.NaN, 0)),
      422,
      "huber: loss is NaN, which JSON has no number for",
    ],
    [
      "a sum beyond all numbers",
      postJson("/mse", { prediction: [1e200], target: [0] }),
      422,
      "mse: loss is Infinity, which JSON has no number for",
    ],
    ["a long body", postBinary("/huber?type=f32", long), 413, "the body must have at most 16777216 bytes"],
    [
      "long JSON",
      post("/huber", "application/json", " ".repeat(2 ** 20 + 1)),
      413,
      "the body must have at most 1048576 bytes of JSON",
    ],
  ])("%s", async (_, response, status, reason) => {
    const [found, error] = await refused(response);
    expect([found, error.slice(0, reason.length)]).toEqual([status, reason]);
  });

  it("with the method that is allowed", async () => {
    const { headers } = await worker.fetch(new Request(`${site}/huber`, { method: "DELETE" }));
    expect(headers.get("allow")).toBe("POST");
  });

  it("takes as much as it says", async () => {
    const { total } = await answered(postBinary("/mae?type=f32", long.subarray(1)));
    expect(total).toEqual({ sum: 0, weight: 2 ** 21 });
  });
});

/** A request as a runtime hands it over, and how many bytes of its body were taken. */
function requestOf({ method, target, type, body, framing }: Hostile): { request: Request; taken: () => number } {
  let taken = 0;
  const headers = new Headers(type === undefined ? {} : { "content-type": type });
  if (framing === "overstated") headers.set("content-length", String(2 ** 40));
  const source: UnderlyingDefaultSource<Uint8Array> = {
    pull(controller) {
      const chunk = framing === "endless" ? new Uint8Array(2 ** 16).fill(body[0] ?? 0x20) : body;
      if (chunk.length > 0) controller.enqueue(chunk);
      taken += chunk.length;
      if (framing === "truncated") controller.error(new TypeError("terminated"));
      else if (framing !== "endless") controller.close();
    },
  };
  const stream = method === "GET" ? null : new ReadableStream(source, { highWaterMark: 0 });
  const init = { method, headers, body: stream, duplex: "half" };
  return { request: new Request(new URL(target, site), init), taken: () => taken };
}

describe("examples/edge under hostile input", () => {
  it("answers a thousand requests, each with 2xx or with 4xx and a reason", async () => {
    const seen = new Set<number>();
    const property = fc.asyncProperty(hostile, async (from) => {
      const { request, taken } = requestOf(from);
      const response = await worker.fetch(request);
      seen.add(response.status);
      expectAnswer(response.status, response.headers.get("content-type"), await response.text());
      expect(taken()).toBeLessThanOrEqual(2 ** 24 + 2 ** 16);
    });
    await fc.assert(property, thousand);
    expect([...seen].sort((a, b) => a - b)).toEqual(statuses);
    expect((await answered(postJson("/bce", { prediction: [0.5], target: [1] }))).loss).toBe(bce([0.5], [1]));
  });

  it("stops reading at the limit, and before the first byte where the Content-Length is over it", async () => {
    const common = {
      method: "POST",
      target: "/mse?type=f32",
      type: "application/octet-stream",
      body: new Uint8Array(8),
    };
    const endless = requestOf({ ...common, framing: "endless" });
    expect((await worker.fetch(endless.request)).status).toBe(413);
    expect(endless.taken()).toBe(2 ** 24 + 2 ** 16);
    const overstated = requestOf({ ...common, framing: "overstated" });
    expect((await worker.fetch(overstated.request)).status).toBe(413);
    expect(overstated.taken()).toBe(0);
  });

  it("takes a body that comes byte by byte", async () => {
    const draw = random(1);
    const sent = Float64Array.from({ length: 20_000 }, draw);
    const bytes = new Uint8Array(sent.buffer);
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const next = at + 1 + Math.floor(3 * draw());
        controller.enqueue(bytes.subarray(at, next));
        at = next;
        if (at >= bytes.length) controller.close();
      },
    });
    const init = { method: "POST", headers: { "content-type": "application/octet-stream" }, body, duplex: "half" };
    const { loss } = await answered(worker.fetch(new Request(`${site}/mse?type=f64`, init)));
    expect(loss).toBe(mse(sent.subarray(0, 10_000), sent.subarray(10_000)));
  });
});
