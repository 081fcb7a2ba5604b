/** Runs a loss or a vector function over float32s by their bits, and has every result judged by the oracle. */
import { spawnSync } from "node:child_process";
import { readFileSync, renameSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { instantiateSync } from "@assemblyscript/loader";
import * as losses from "../../src/losses/index.js";
import type { Parameter } from "../../src/spec.js";
import { cases, functionNames, isLoss, type Loss, lossNames, type Name, results, type Settings } from "./cases.js";

/** One result with one setting and target, over all inputs so far; a function has none of these but its value. */
export interface Verdict {
  readonly settings: Settings;
  readonly target: number | undefined;
  readonly result: (typeof results)[number];
  /** The largest error in ULPs, and the bits of its input; 0 where every result is the nearest number. */
  worst: number;
  at: number;
  /** How many errors are above ½, 1, 2 and 1000 ULP, which leaves no four digits, of how many results. */
  half: number;
  one: number;
  two: number;
  thousand: number;
  count: number;
}

/** `count` inputs, the bits of one being `stride` more than those of the one before. */
export interface Chunk {
  readonly first: number;
  readonly stride: number;
  readonly count: number;
}

export interface Oracle extends Record<string, unknown> {
  readonly memory: WebAssembly.Memory;
  readonly SIZE: WebAssembly.Global<"i32">;
  readonly INPUTS: WebAssembly.Global<"i32">;
  readonly RESULTS: WebAssembly.Global<"i32">;
  readonly VERDICTS: WebAssembly.Global<"i32">;
  readonly RECORDS: WebAssembly.Global<"i32">;
  record(on: boolean): void;
  fill(first: number, stride: number, n: number): void;
  share(loss: number, n: number): void;
  judge(loss: number, n: number, target: number, a: number, b: number, c: number): void;
  judgeFunction(which: number, n: number): void;
}

interface Functions extends Record<string, unknown> {
  readonly memory: WebAssembly.Memory;
  readonly INPUTS: WebAssembly.Global<"i32">;
  readonly OUTPUTS: WebAssembly.Global<"i32">;
  run(which: number, n: number): void;
}

const specs: Readonly<Record<Loss, { readonly parameters: Readonly<Record<string, Parameter>> }>> = losses;
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Compiles the oracle and the vector functions for all scanners. */
export function compileAll(): void {
  compile("index.ts", "oracle", "oracle.wasm");
  compile("functions.ts", "f32", "functions.wasm");
}

/** Under another name first: test files that run side by side read no half of it. */
function compile(entry: string, target: string, file: string): void {
  const asc = fileURLToPath(import.meta.resolve("assemblyscript/bin/asc.js"));
  const folder = "test/accuracy/oracle";
  const own = `build/${process.pid}-${file}`;
  const options = [`${folder}/${entry}`, "--config", `${folder}/asconfig.json`, "--target", target, "--outFile", own];
  const { status, stderr } = spawnSync(process.execPath, [asc, ...options], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${entry} does not compile:\n${stderr}`);
  renameSync(`${root}${own}`, `${root}build/${file}`);
}

export function instance<E extends Record<string, unknown>>(file: string): E {
  return instantiateSync<E>(new Uint8Array(readFileSync(`${root}build/${file}`)), {}).exports;
}

export type Outputs = Readonly<Record<(typeof results)[number], Float32Array>>;

/** What is scanned: the losses of an implementation, as far as they are called here. */
export type Losses = Readonly<
  Record<
    Loss,
    {
      valueGradHess(
        prediction: Float32Array,
        target: Float32Array,
        options: { readonly reduction: "none"; readonly out: Outputs },
      ): unknown;
    }
  >
>;

export class Scanner {
  readonly size: number;
  private readonly oracle = instance<Oracle>("oracle.wasm");
  private readonly functions = instance<Functions>("functions.wasm");
  private readonly inputs: Float32Array<ArrayBuffer>;
  private readonly outputs: readonly Float32Array<ArrayBuffer>[];
  private readonly marks: Float64Array;
  private readonly targets: readonly Float32Array[];

  constructor(private readonly implementation: Partial<Losses>) {
    const { memory, SIZE, INPUTS, RESULTS, VERDICTS } = this.oracle;
    const size = SIZE.value;
    const buffer = memory.buffer as ArrayBuffer;
    this.size = size;
    this.inputs = new Float32Array(buffer, INPUTS.value, size);
    this.outputs = results.map((_, which) => new Float32Array(buffer, RESULTS.value + 4 * size * which, size));
    this.marks = new Float64Array(buffer, VERDICTS.value, 6 * results.length);
    this.targets = [0, 1].map((target) => new Float32Array(size).fill(target));
  }

  /** Consecutive inputs. */
  scan(name: Name, { first, stride, count }: Chunk, verdicts: readonly Verdict[]): void {
    for (let from = 0; from < count; from += this.size) {
      const n = Math.min(this.size, count - from);
      this.oracle.fill(first + from * stride, stride, n);
      this.run(name, n, verdicts);
    }
  }

  /** Inputs of one's own choice, as bits. */
  scanBits(name: Name, bits: Uint32Array, verdicts: readonly Verdict[]): void {
    const inputs = new Uint32Array(this.inputs.buffer, this.inputs.byteOffset, this.size);
    for (let from = 0; from < bits.length; from += this.size) {
      const part = bits.subarray(from, from + this.size);
      inputs.set(part);
      this.run(name, part.length, verdicts);
    }
  }

  private run(name: Name, n: number, verdicts: readonly Verdict[]): void {
    if (isLoss(name)) this.runLoss(name, n, verdicts);
    else {
      const place = functionNames.indexOf(name);
      const { memory, INPUTS, OUTPUTS, run } = this.functions;
      new Float32Array(memory.buffer, INPUTS.value, n).set(this.inputs.subarray(0, n));
      run(place, n);
      this.outputs[0]?.set(new Float32Array(memory.buffer, OUTPUTS.value, n));
      this.oracle.judgeFunction(place, n);
      this.add(verdicts, n);
    }
  }

  private runLoss(loss: Loss, n: number, verdicts: readonly Verdict[]): void {
    const place = lossNames.indexOf(loss);
    const prediction = this.inputs.subarray(0, n);
    const [value, grad, hess] = this.outputs.map((output) => output.subarray(0, n));
    if (value === undefined || grad === undefined || hess === undefined) throw new Error("an output is missing");
    const out = { value, grad, hess };
    const parameters = Object.entries(specs[loss].parameters);
    const implementation = this.implementation[loss];
    if (implementation === undefined) throw new Error(`there is no ${loss} to scan`);
    this.oracle.share(place, n);
    for (const settings of cases[loss].settings) {
      const [a = 0, b = 0, c = 0] = parameters.map(([name, { default: usual }]) => rounded(settings[name], usual));
      for (const target of cases[loss].targets) {
        const own = verdicts.filter((verdict) => verdict.settings === settings && verdict.target === target);
        if (own.length === 0) continue;
        const targets = this.targets[target]?.subarray(0, n) ?? new Float32Array(0);
        implementation.valueGradHess(prediction, targets, { ...settings, reduction: "none", out });
        this.oracle.judge(place, n, target, a, b, c);
        this.add(own, n);
      }
    }
  }

  private add(verdicts: readonly Verdict[], n: number): void {
    for (const verdict of verdicts) {
      const marks = this.marks.subarray(6 * results.indexOf(verdict.result));
      const [worst = 0, at = 0, half = 0, one = 0, two = 0, thousand = 0] = marks;
      merge(verdict, { worst, at, half, one, two, thousand, count: n });
    }
  }
}

/** As losses of float32 arrays round them; NaN for null. */
function rounded(given: number | null | undefined, usual: number | null): number {
  const value = given === undefined ? usual : given;
  return value === null ? Number.NaN : Math.fround(value);
}

/** One for each result, setting and target, of nothing yet. */
export function newVerdicts(name: Name): Verdict[] {
  const none = { worst: 0, at: 0, half: 0, one: 0, two: 0, thousand: 0, count: 0 };
  if (!isLoss(name)) return [{ settings: {}, target: undefined, result: "value", ...none }];
  return cases[name].settings.flatMap((settings) =>
    cases[name].targets.flatMap((target) => results.map((result) => ({ settings, target, result, ...none }))),
  );
}

export function merge(verdict: Verdict, part: Omit<Verdict, "settings" | "target" | "result">): void {
  if (part.worst > verdict.worst) {
    verdict.worst = part.worst;
    verdict.at = part.at;
  }
  verdict.half += part.half;
  verdict.one += part.one;
  verdict.two += part.two;
  verdict.thousand += part.thousand;
  verdict.count += part.count;
}
