/** A rival that runs in a process of its own: it is told in lines of JSON and arrays, and answers in raw numbers. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

export class Process {
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #output: NodeJS.AsyncIterator<Buffer>;
  /** What has come and was not read. */
  #held: Buffer = Buffer.alloc(0);

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#name = [command, ...args].join(" ");
    this.#child = spawn(command, [...args], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...environment },
    });
    // Of a process that has ended: the answer that does not come is the error.
    this.#child.on("error", () => {});
    this.#child.stdin.on("error", () => {});
    this.#output = this.#child.stdout[Symbol.asyncIterator]();
  }

  tell(words: object, ...arrays: readonly (Float32Array | Int32Array)[]): void {
    this.#child.stdin.write(`${JSON.stringify(words)}\n`);
    for (const { buffer, byteOffset, byteLength } of arrays)
      this.#child.stdin.write(new Uint8Array(buffer, byteOffset, byteLength));
  }

  async float64(): Promise<number> {
    return (await this.#read(8)).readDoubleLE();
  }

  async float32s(length: number): Promise<Float32Array> {
    return new Float32Array(Uint8Array.from(await this.#read(4 * length)).buffer);
  }

  async #read(bytes: number): Promise<Buffer> {
    const parts = [this.#held];
    for (let come = this.#held.length; come < bytes; ) {
      const { done, value } = await this.#output.next();
      if (done) throw new Error(`${this.#name} has ended without an answer`);
      parts.push(value);
      come += value.length;
    }
    const all = Buffer.concat(parts);
    this.#held = all.subarray(bytes);
    return all.subarray(0, bytes);
  }

  close(): void {
    this.#child.stdin.end();
  }
}
