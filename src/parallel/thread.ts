/** A worker, of whichever kind the runtime has. */
import { text } from "../../build/worker.js";
import type { Kind, Modules } from "../engine.js";
import type { Failure, Findings, Reply, Request } from "./worker.js";

/** What Web Workers and Node's have in common; those of browsers cannot be held. */
interface Port {
  postMessage(request: Request): void;
  terminate(): unknown;
  /** Whether it keeps the process alive. */
  ref?(): void;
  unref?(): void;
}

interface NodePort extends Port {
  on(event: "message", listener: (reply: Reply) => void): void;
  on(event: "error" | "messageerror", listener: (error: unknown) => void): void;
  on(event: "exit", listener: (code: number) => void): void;
}

interface NodeThreads {
  readonly Worker: new (url: URL, options: { readonly name: string; readonly execArgv: readonly string[] }) => NodePort;
}

/** Of Node, without its types. */
export interface Builtin {
  getBuiltinModule?(id: "node:worker_threads"): NodeThreads;
  getBuiltinModule?(id: "node:os"): { availableParallelism(): number };
}

export function builtin(): Builtin {
  return Reflect.get(globalThis, "process") ?? {};
}

export function hasWorkers(): boolean {
  return typeof Worker !== "undefined" || builtin().getBuiltinModule?.("node:worker_threads") !== undefined;
}

/** Why a worker does not answer any more. */
export class Ended extends Error {}

interface Waiting {
  resolve(findings: Findings): void;
  reject(error: unknown): void;
}

export class Thread {
  readonly #port: Port;
  /** In the order of the requests. */
  readonly #waiting: Waiting[] = [];
  #ended: Ended | undefined;
  readonly #modules: Partial<Record<Kind, Modules>> = {};

  constructor(url?: URL) {
    const received = (reply: Reply): void => this.#receive(reply);
    const ended = (why: string): void => {
      this.end(why);
    };
    this.#port = typeof Worker === "undefined" ? nodePort(url, received, ended) : webPort(url, received, ended);
    this.#port.unref?.();
  }

  /** Whether it lives and has these kernels; it is given them if it has none of their kind yet. */
  takes(modules: Modules): boolean {
    if (this.#ended !== undefined) return false;
    const had = this.#modules[modules.kind];
    if (had === undefined) {
      this.#modules[modules.kind] = modules;
      // If that fails, so does what it is asked next.
      this.ask({ ask: "start", modules }).catch(() => {});
    }
    return had === undefined || had.f32 === modules.f32;
  }

  ask(request: Request): Promise<Findings> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      this.#port.postMessage(request);
      this.#waiting.push({ resolve, reject });
      this.#port.ref?.();
    });
  }

  #receive(reply: Reply): void {
    // An answer may come while the thread is ending, which is waited for.
    if (this.#ended !== undefined) return;
    const asked = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#port.unref?.();
    if ("failure" in reply) asked?.reject(errorOf(reply.failure));
    else asked?.resolve(reply.findings);
  }

  /** Ends it, if it has not ended: what it was asked is rejected. Resolves when it is gone. */
  async end(why: string): Promise<void> {
    this.#ended ??= new Ended(why);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    await this.#port.terminate();
  }
}

/** The kernels have RangeErrors of their own; nothing else should go wrong. */
function errorOf({ name, message }: Failure): Error {
  return name === "RangeError" ? new RangeError(message) : new Ended(`a worker failed: ${name}: ${message}`);
}

function nodePort(url: URL | undefined, received: (reply: Reply) => void, ended: (why: string) => void): Port {
  const threads = builtin().getBuiltinModule?.("node:worker_threads");
  if (threads === undefined) throw new Ended("this runtime has no workers");
  const script = url ?? new URL(`data:text/javascript,${encodeURIComponent(text())}`);
  // Without the process's own options: a loader, say, that is for its files.
  const port = new threads.Worker(script, { name: "simdloss", execArgv: [] });
  port.on("message", received);
  port.on("error", (error) => ended(`a worker failed: ${messageOf(error)}`));
  port.on("messageerror", (error) => ended(`a worker failed: ${messageOf(error)}`));
  port.on("exit", (code) => ended(`a worker ended, exit code ${code}`));
  return port;
}

/** Made once, and kept: when a URL that is no longer needed may be revoked is not said. */
let blob: string | undefined;

function webPort(url: URL | undefined, received: (reply: Reply) => void, ended: (why: string) => void): Port {
  if (url === undefined) blob ??= URL.createObjectURL(new Blob([text()], { type: "text/javascript" }));
  const port = new Worker(url ?? blob ?? "", { type: "module", name: "simdloss" });
  port.onmessage = ({ data }: MessageEvent<Reply>) => received(data);
  port.onmessageerror = () => ended("a worker failed: its message was unreadable");
  port.onerror = (event) => {
    event.preventDefault();
    ended(`a worker failed: ${messageOf(event)}`);
  };
  return port;
}

/** Of an error, or of an event that stands for one. */
function messageOf(error: unknown): string {
  const message: unknown = Reflect.get(Object(error), "message");
  return typeof message === "string" && message !== "" ? message : "its script does not start";
}
