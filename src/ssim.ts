/** The structural similarity of images. */
import { floats, like, matchLength, output, refuse, show } from "./arrays.js";
import type { Floats, ImageCall, ImageEngine } from "./engine.js";
import { frozen, type Given, isRecord, optionsOf, parameter, rulesOf } from "./options.js";
import type { ImageSpec } from "./spec.js";
import type { Ssim } from "./types.js";

/** The side of the window, in pixels. */
export const WINDOW = 11;

/** On an engine that compares images. */
export function defineSsim(spec: ImageSpec<{ peak: number }>, engine: ImageEngine): Ssim {
  const { name, formula, source, parameters } = spec;
  const rules = rulesOf(parameters);
  const known = [...spec.options, ...rules.map((rule) => rule.name), "out"];

  /** Checks everything; nothing has been written when it throws. */
  function prepare(prediction: unknown, target: unknown, options: unknown): ImageCall {
    // Options may be getters, which may do anything: all are read before an array is looked at.
    const given = optionsOf(name, known, options);
    const width = countOf(name, "width", given, WINDOW);
    const height = countOf(name, "height", given, WINDOW);
    const channels = countOf(name, "channels", given, 1, 1);
    const images = countOf(name, "images", given, 0, 1);
    const peak = parameter(name, rules[0], given);
    const givenGrad = gradOf(name, given?.out);

    const x = floats(name, "prediction", prediction);
    const y = floats(name, "target", target, x);
    matchLength(name, "target", y, x.length);
    const size = images * height * width * channels;
    if (x.length !== size) {
      const shape = `${images} × ${height} × ${width} × ${channels} (images × height × width × channels)`;
      throw new RangeError(`${name}: prediction must have ${size} elements, ${shape}, got ${x.length}`);
    }
    const grad = output(name, "out.grad", givenGrad, x);
    if (grad !== undefined) {
      const memory = grad.buffer;
      if (grad.byteOffset !== x.byteOffset) refuse(name, "out.grad", grad, memory, "prediction", x);
      refuse(name, "out.grad", grad, memory, "target", y);
    }
    return { prediction: x, target: y, images, width, height, channels, peak, grad };
  }

  function ssim(prediction: unknown, target: unknown, options: unknown): number {
    return 1 - engine({ ...prepare(prediction, target, options), grad: undefined });
  }

  function valueAndGrad(prediction: unknown, target: unknown, options: unknown): { value: number; grad: Floats } {
    const call = prepare(prediction, target, options);
    const grad = call.grad ?? like(call.prediction);
    return { value: 1 - engine({ ...call, grad }), grad };
  }

  const members = {
    grad: (prediction: unknown, target: unknown, options: unknown): Floats =>
      valueAndGrad(prediction, target, options).grad,
    valueAndGrad,
    kind: "images",
    parameters: frozen(parameters),
    formula,
    source,
  };
  Object.defineProperty(ssim, "name", { value: name });
  // One body serves the overloads; what each of them returns is theirs to say.
  return Object.assign(ssim, members) as unknown as Ssim;
}

function countOf(loss: string, name: string, given: Given | undefined, least: number, usual?: number): number {
  const asked = given?.[name];
  const count = asked === undefined ? usual : asked;
  if (typeof count !== "number") throw new TypeError(`${loss}: ${name} must be a number, got ${show(count)}`);
  if (Number.isSafeInteger(count) && count >= least) return count;
  const why = least === WINDOW && Number.isSafeInteger(count) ? `, the side of the window` : "";
  throw new RangeError(`${loss}: ${name} must be a whole number of at least ${least}${why}, got ${count}`);
}

function gradOf(loss: string, out: unknown): unknown {
  if (out === undefined) return undefined;
  if (!isRecord(out)) throw new TypeError(`${loss}: out must be an object, got ${show(out)}`);
  for (const name in out) {
    if (name !== "grad") throw new TypeError(`${loss}: unknown output ${show(name)} in out; the output is grad`);
  }
  return out.grad;
}
