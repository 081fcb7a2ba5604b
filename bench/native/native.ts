/** The same fused loops in C, in a process of their own that is asked by lines: main.c says which. */
import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Shape } from "../inputs.js";

/** What the compiler is told besides -O3 -ffast-math. */
const targets = { "sse4.1": "-msse4.1", native: "-march=native" } as const;
export type Variant = keyof typeof targets;
export const variants = Object.keys(targets).filter((name): name is Variant => name in targets);

export const names = [
  "mae",
  "mse",
  "rmse",
  "huber",
  "logCosh",
  "charbonnier",
  "bce",
  "bceWithLogits",
  "focal",
  "focalWithLogits",
  "softmaxCrossEntropy",
  "klDivergence",
  "klDivergenceWithLogits",
  "distillation",
  "gaussianKl",
] as const;
export type Name = (typeof names)[number];

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const sources = ["losses.c", "main.c"].map(at);
const read = [...sources, at("losses.h"), fileURLToPath(import.meta.url)];

/** The program and the first line of its compiler's `--version`, or why there is none. */
export type Built =
  | { readonly program: string; readonly compiler: string }
  | { readonly program: undefined; readonly reason: string };

/** Compiles into out/native what is older than its sources, by CC or cc. */
export function build(variant: Variant): Built {
  const cc = process.env.CC ?? "cc";
  const { status, stdout } = spawnSync(cc, ["--version"], { encoding: "utf8" });
  if (status !== 0) return { program: undefined, reason: `there is no C compiler ${cc}` };
  const [compiler = cc] = stdout.split("\n");
  const program = at(`../../out/native/losses-${variant}`);
  if (changed(program) > Math.max(...read.map(changed))) return { program, compiler };
  mkdirSync(dirname(program), { recursive: true });
  const options = ["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O3", "-ffast-math", targets[variant]];
  const built = spawnSync(cc, [...options, ...sources, "-o", program, "-lm"], { encoding: "utf8" });
  if (built.status === 0) return { program, compiler };
  const [why = ""] = built.stderr.split("\n");
  return { program: undefined, reason: `${cc} ${targets[variant]} fails: ${why}` };
}

function changed(path: string): number {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

/** Nanoseconds a call: the median and the quartiles. */
export interface Timing {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Of softmaxCrossEntropy the target is a label a row, of every other loss a number an element. */
export type Arrays = readonly [prediction: Float32Array, target: Float32Array | Int32Array];

/** A running program; one question at a time. */
export class Native {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly output: NodeJS.AsyncIterator<Buffer>;
  /** What has come and was not read. */
  private held: Buffer = Buffer.alloc(0);

  constructor(program: string) {
    this.child = spawn(program, [], { stdio: ["pipe", "pipe", "inherit"] });
    // Of a program that has ended: the answer that does not come is the error.
    this.child.on("error", () => {});
    this.child.stdin.on("error", () => {});
    this.output = this.child.stdout[Symbol.asyncIterator]();
  }

  /** Value and gradient are asked of these arrays from here on; a loss of elements takes any shape with as many. */
  async load(loss: Name, [prediction, target]: Arrays, [rows, length]: Shape): Promise<void> {
    const { stdin } = this.child;
    const numbers = loss === "softmaxCrossEntropy" ? rows : rows * length;
    if (prediction.length !== rows * length || target.length !== numbers)
      throw new RangeError(
        `${loss}: ${rows}×${length} takes ${rows * length} and ${numbers} numbers, got ${prediction.length} and ${target.length}`,
      );
    stdin.write(`load ${loss} ${rows} ${length} ${target.byteLength}\n`);
    stdin.write(bytesOf(prediction));
    stdin.write(bytesOf(target));
    await this.line();
  }

  async value(): Promise<number> {
    this.child.stdin.write("value\n");
    return Number(await this.line());
  }

  /** Of gaussianKl that by the means, then that by the log variances. */
  async grad(): Promise<Float32Array> {
    this.child.stdin.write("grad\n");
    const bytes = new Uint8Array(Number(await this.line()));
    let filled = 0;
    while (filled < bytes.length) {
      const part = (this.held.length > 0 ? this.held : await this.more()).subarray(0, bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.held = this.held.subarray(part.length);
    }
    return new Float32Array(bytes.buffer);
  }

  async time(milliseconds: number): Promise<Timing> {
    this.child.stdin.write(`time ${milliseconds}\n`);
    const [median = Number.NaN, low = Number.NaN, high = Number.NaN] = (await this.line()).split(" ").map(Number);
    return { median, low, high };
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, "close");
    this.child.stdin.end();
    this.child.stdout.resume();
    await ended;
  }

  /** Takes what comes next into `held`. */
  private async more(): Promise<Buffer> {
    const { done, value } = await this.output.next();
    if (done) throw new Error(`${this.child.spawnfile} has ended without an answer`);
    this.held = this.held.length === 0 ? value : Buffer.concat([this.held, value]);
    return this.held;
  }

  private async line(): Promise<string> {
    let end = this.held.indexOf("\n");
    while (end < 0) end = (await this.more()).indexOf("\n");
    const line = this.held.toString("utf8", 0, end);
    this.held = this.held.subarray(end + 1);
    if (line.startsWith("error")) throw new Error(`${this.child.spawnfile}: ${line}`);
    return line;
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
