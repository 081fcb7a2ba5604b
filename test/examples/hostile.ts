/** Requests that mean no good, and what every one of them must be answered with. */
import fc from "fast-check";
import { expect } from "vitest";

export interface Hostile {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly type: string | undefined;
  readonly body: Uint8Array<ArrayBuffer>;
  /** How the body comes: as it is; cut off; under a Content-Length of a terabyte; over and over, without an end. */
  readonly framing: "whole" | "truncated" | "overstated" | "endless";
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

const losses = ["mae", "mse", "rmse", "huber", "logCosh", "bce", "focalWithLogits"];
const rowLosses = ["softmaxCrossEntropy", "klDivergence", "distillation", "gaussianKl"];
const loss = fc.constantFrom(...losses, ...rowLosses);
const strange = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "потеря",
    "損失",
    "😀",
    "",
    "null",
    "NaN",
    "%zz",
    "..",
    "a".repeat(4000),
  ),
  fc.string({ unit: "grapheme" }),
);

const odd = [
  "NaN",
  "Infinity",
  "-Infinity",
  "-0",
  "1e999",
  "1e308",
  "5e-324",
  "0x10",
  "1e9",
  "65536",
  "65537",
  "-1",
  "0.5",
  "null",
];
const option = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      "delta",
      "alpha",
      "gamma",
      "epsilon",
      "temperature",
      "labelSmoothing",
      "ignoreIndex",
      "classes",
      "latent",
    ),
    fc.constantFrom("type", "target", "reduction", "weights", "classWeights", "out"),
    strange,
  ),
  fc.oneof(fc.constantFrom(...odd, "0", "1", "2", "f32", "f64", "int32", "mean", "sum", "none", "[]", "{}"), strange),
);
/** What a good request to the path has: without it, few would get as far as the numbers. */
function fitting(to: string, type: string | undefined, width: string, int32: boolean): string {
  const length = to === "gaussianKl" ? "latent=2" : rowLosses.includes(to) ? "classes=2" : "";
  const labels = to === "softmaxCrossEntropy" && int32 ? "target=int32" : "";
  return [type === "application/octet-stream" ? `type=${width}` : "", length, labels].filter(Boolean).join("&");
}

const query = fc.record({
  fits: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  width: fc.constantFrom("f32", "f64"),
  int32: fc.boolean(),
  more: fc.oneof(
    { weight: 3, arbitrary: fc.constant<[string, string][]>([]) },
    { weight: 2, arbitrary: fc.array(option, { minLength: 1, maxLength: 3 }) },
  ),
});
const path = fc.oneof(
  { weight: 12, arbitrary: loss },
  { weight: 1, arbitrary: strange.map(encodeURI) },
  { weight: 1, arbitrary: fc.constantFrom("", "huber/", "/huber", "HUBER", "hub%65r", "huber%00") },
);

const number = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("0", "1") },
  { weight: 4, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map(String) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String) },
);
const junk = fc.constantFrom(...odd, ...odd.map((text) => `"${text}"`), "true", "[1]", "{}", '"\\ud800"', "--1", "01");
const token = fc.oneof({ weight: 40, arbitrary: number }, { weight: 1, arbitrary: junk });
const list = (item: fc.Arbitrary<string>, length: number) =>
  fc.array(item, { minLength: length, maxLength: length }).map((items) => `[${items}]`);
const batch = fc.integer({ min: 0, max: 4 }).chain((rows) =>
  fc
    .record({
      prediction: list(token, 2 * rows),
      target: fc.oneof(
        { weight: 4, arbitrary: list(token, 2 * rows) },
        { weight: 2, arbitrary: list(fc.constantFrom("0", "1"), rows) },
        { weight: 1, arbitrary: list(token, 2 * rows + 1) },
      ),
      more: fc.oneof(
        { weight: 12, arbitrary: fc.constant("") },
        { weight: 2, arbitrary: list(number, 2 * rows).map((weights) => `, "weights": ${weights}`) },
        { weight: 1, arbitrary: strange.map((name) => `, ${JSON.stringify(name)}: {"polluted": true}`) },
        { weight: 1, arbitrary: fc.constant(', "__proto__": {"classes": 2, "prediction": [0, 0]}') },
      ),
    })
    .map(({ prediction, target, more }) => `{"prediction": ${prediction}, "target": ${target}${more}}`),
);
const deep = fc
  .tuple(
    fc.constantFrom("[", '{"prediction":', '{"__proto__":', "[[],"),
    fc.integer({ min: 1, max: 60_000 }),
    fc.boolean(),
  )
  .map(
    ([open, depth, closed]) =>
      open.repeat(depth) + (closed ? `0${open.startsWith("{") ? "}" : "]"}`.repeat(depth) : ""),
  );
const text = fc.oneof(
  { weight: 6, arbitrary: batch },
  { weight: 1, arbitrary: fc.tuple(batch, fc.nat(60)).map(([whole, length]) => whole.slice(0, length)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: deep.map((value) => `{"prediction": ${value}, "target": [0]}`) },
);

const float = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(0, 1, 0.5) },
  { weight: 1, arbitrary: fc.oneof(fc.double(), fc.constantFrom(-0, Infinity, Number.NaN, 5e-324, 1e308)) },
);
const floats = fc
  .array(fc.tuple(float, float, float, float), { maxLength: 6 })
  .chain((rows) => fc.constantFrom(Float32Array.from(rows.flat()), Float64Array.from(rows.flat())))
  .map(({ buffer }) => new Uint8Array(buffer));
const rows = fc.array(fc.tuple(float, fc.integer({ min: 0, max: 2 })), { maxLength: 6 }).map((found) => {
  const logits = Float64Array.from(found.flatMap(([logit]) => [logit, 1]));
  const labels = Int32Array.from(found, ([, label]) => label);
  return new Uint8Array([...new Uint8Array(logits.buffer), ...new Uint8Array(labels.buffer)]);
});
const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.from(bytes));

const content = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom("application/json", "Application/JSON; charset=utf-8"),
      body: text.map(bytesOf),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("application/octet-stream"),
      body: fc.oneof({ weight: 3, arbitrary: floats }, rows, noise),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom(
        undefined,
        "text/plain",
        "application/json-patch+json",
        "multipart/form-data; boundary=x",
        ";",
        "application/json",
      ),
      body: noise,
    }),
  },
);

export const hostile: fc.Arbitrary<Hostile> = fc
  .record({
    method: fc.oneof(
      { weight: 20, arbitrary: fc.constant("POST") },
      { weight: 1, arbitrary: fc.constantFrom("GET", "PUT", "DELETE", "PATCH", "OPTIONS") },
    ),
    path,
    query,
    content,
    framing: fc.oneof(
      { weight: 20, arbitrary: fc.constant<"whole">("whole") },
      { weight: 1, arbitrary: fc.constantFrom<Hostile["framing"]>("truncated", "overstated", "endless") },
    ),
  })
  .map(({ method, path, query: { fits, width, int32, more }, content, framing }) => {
    const target = `/${path}?${fits ? fitting(path, content.type, width, int32) : ""}&${new URLSearchParams(more)}`;
    // A GET has no body.
    if (method === "GET") return { method, target, type: undefined, body: new Uint8Array(0), framing: "whole" };
    return { method, target, ...content, framing };
  });

/** The same thousand everywhere. */
export const thousand = { numRuns: 1000, seed: 7 };

/** Of each, one at least must have been among them. */
export const statuses = [200, 400, 404, 405, 413, 415, 422];

/** 200 and an answer, or 4xx and a reason. */
export function expectAnswer(status: number, type: string | null | undefined, body: string): void {
  expect(type).toBe("application/json");
  const said: unknown = JSON.parse(body);
  if (status === 200) {
    if (typeof said === "object" && said !== null && "losses" in said) return;
    const aNumber = expect.any(Number);
    expect(said).toEqual({ loss: aNumber, gradientNorm: aNumber, total: { sum: aNumber, weight: aNumber } });
  } else {
    expect(statuses).toContain(status);
    expect(said).toEqual({ error: expect.stringMatching(/\S{2}/) });
  }
}
