/** Reads a batch out of a body. Whatever is wrong with it is refused; what the numbers have to be, the losses say. */
import type { Bytes } from "./body.js";
import type { Scored } from "./losses.js";
import { Refusal } from "./refusal.js";

/** Bytes of JSON, in which a number may take 16 times as much memory as text. */
export const longestJson = 2 ** 20;

/** Numbers of a row: in rows longer than 8192, each takes 96 bytes to work on. */
export const longestRow = 2 ** 16;

export interface Batch {
  readonly prediction: unknown;
  readonly target: unknown;
  readonly options: Readonly<Record<string, unknown>>;
}

export function batchOf(loss: Scored, query: URLSearchParams, contentType: string | null, bytes: Bytes): Batch {
  const { target, ...options } = optionsOf(query);
  if (target !== undefined && target !== "int32") {
    throw new Refusal(400, `target must be int32, or be left out where it is of the prediction's type, got ${target}`);
  }
  const length = lengthOf(loss, options);
  const type = contentType?.split(";")[0]?.trim().toLowerCase();
  if (type === "application/octet-stream") return binary(bytes, options, length, target !== undefined);
  if (type === "application/json") return json(bytes, options, target !== undefined);
  const found = type === undefined ? "none" : JSON.stringify(type);
  throw new Refusal(415, `the content type must be application/json or application/octet-stream, got ${found}`);
}

/** Numbers and null are what they look like. */
function optionsOf(query: URLSearchParams): Record<string, string | number | null> {
  const options = new Map<string, string | number | null>();
  for (const [name, text] of query) {
    if (options.has(name)) throw new Refusal(400, `${JSON.stringify(name)} is given twice`);
    options.set(name, read(text));
  }
  return Object.fromEntries(options);
}

function read(text: string): string | number | null {
  if (text === "null") return null;
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

/** How many numbers a row has, of losses of elements 1: known before anything is read. */
function lengthOf({ name, kind }: Scored, options: Batch["options"]): number {
  if (kind === undefined) return 1;
  const option = kind === "latent" ? "latent" : "classes";
  const length = options[option];
  if (typeof length === "number" && Number.isInteger(length) && length >= 1 && length <= longestRow) return length;
  const got = length === undefined ? "nothing" : JSON.stringify(length);
  throw new Refusal(
    400,
    `${name}: ${option} must be given in the query, a whole number from 1 to ${longestRow}, got ${got}`,
  );
}

function binary(bytes: Bytes, options: Batch["options"], length: number, int32: boolean): Batch {
  const { type, ...others } = options;
  if (type !== "f32" && type !== "f64") {
    throw new Refusal(400, `type must be f32 or f64, got ${type === undefined ? "nothing" : JSON.stringify(type)}`);
  }
  const Type = type === "f32" ? Float32Array : Float64Array;
  const ofPrediction = Type.BYTES_PER_ELEMENT * length;
  const row = ofPrediction + (int32 ? 4 : ofPrediction);
  const rows = bytes.length / row;
  if (!Number.isInteger(rows)) {
    const what = `${length} ${type} and ${int32 ? "1 int32" : `${length} ${type}`}`;
    throw new Refusal(400, `the body must have a multiple of ${row} bytes (${what}), got ${bytes.length}`);
  }
  // Typed arrays have the byte order of the processor: little-endian, wherever workers run.
  const { buffer } = bytes;
  const prediction = new Type(buffer, 0, rows * length);
  const rest = prediction.byteLength;
  const target = int32 ? new Int32Array(buffer, rest, rows) : new Type(buffer, rest, rows * length);
  return { prediction, target, options: others };
}

const fields = ["prediction", "target", "weights", "classWeights"];

function json(bytes: Bytes, options: Batch["options"], int32: boolean): Batch {
  if (bytes.length > longestJson) throw new Refusal(413, `the body must have at most ${longestJson} bytes of JSON`);
  const body = parsed(bytes);
  const unknown = Object.keys(body).find((name) => !fields.includes(name));
  if (unknown !== undefined) {
    throw new Refusal(400, `unknown field ${JSON.stringify(unknown)}; the fields are ${fields.join(", ")}`);
  }
  const { prediction, target, ...arrays } = body;
  return { prediction, target: int32 ? indices(target) : target, options: { ...arrays, ...options } };
}

function parsed(bytes: Bytes): Batch["options"] {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Refusal(400, `the body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (isRecord(body)) return body;
  throw new Refusal(400, 'the body must be an object such as {"prediction": [0.5, 4], "target": [0, 0]}');
}

function isRecord(thing: unknown): thing is Readonly<Record<string, unknown>> {
  return typeof thing === "object" && thing !== null && !Array.isArray(thing);
}

function indices(target: unknown): Int32Array {
  if (!Array.isArray(target)) throw new Refusal(400, "target must be an array of class indices");
  const wrong = target.findIndex((index) => index !== (index | 0));
  if (wrong < 0) return Int32Array.from(target);
  throw new Refusal(400, `target must hold whole numbers of 32 bits, got ${JSON.stringify(target[wrong])} at ${wrong}`);
}
