/** What runs in a worker: the kernels, on a part of a call at a time. Bundled by itself; the pool starts workers from that text. */
import type { Call, Modules, RowCall } from "../engine.js";
import { kernels } from "../kernels.js";
import { rowKernels } from "../rowKernels.js";
import { classification, receive, regression } from "../wasm/given.js";

/** Some of a call's elements or rows, in shared memory. */
export type Part =
  | { readonly kind: "regression" | "classification"; readonly call: Call }
  | { readonly kind: "rows"; readonly call: RowCall };

/** What is known of a call once all of its parts are open. */
export type Settings = Pick<Call, "a" | "scale" | "unit"> & Partial<Pick<Call, "b">>;

/** Each is answered, in order. */
export type Request =
  | { readonly ask: "start"; readonly modules: Modules }
  | { readonly ask: "open"; readonly part: Part }
  | { readonly ask: "sweep"; readonly want: number; readonly settings: Settings }
  | { readonly ask: "release" };

/** What a part has come to. */
export interface Findings {
  readonly rounds: readonly number[];
  readonly fault: RowCall["fault"];
  readonly at: number;
  readonly classUnit: number;
}

/** An error without its stack, which the script's whole text would be part of. */
export interface Failure {
  readonly name: string;
  readonly message: string;
}

export type Reply = { readonly findings: Findings } | { readonly failure: Failure };

const nothing: Findings = { rounds: [], fault: undefined, at: 0, classUnit: 1 };

const engines = { regression: kernels(regression), classification: kernels(classification) };

/** The part under way. */
let part: Part | undefined;

function carryOut(request: Request): Findings {
  switch (request.ask) {
    case "start":
      receive(request.modules.kind, request.modules);
      return nothing;
    case "open":
      part = undefined;
      if (request.part.kind === "rows") rowKernels.open(request.part.call);
      else engines[request.part.kind].open(request.part.call);
      part = request.part;
      return findingsOf(part);
    case "sweep":
      if (part === undefined) throw new Error("no part is open");
      Object.assign(part.call, request.settings);
      if (part.kind === "rows") rowKernels.sweep(part.call, request.want);
      else engines[part.kind].sweep(part.call, request.want);
      return findingsOf(part);
    case "release":
      part = undefined;
      return nothing;
  }
}

function findingsOf({ kind, call }: Part): Findings {
  const { rounds, fault, at } = call;
  return { rounds: rounds ?? [], fault, at, classUnit: kind === "rows" ? call.classUnit : 1 };
}

function answer(request: Request): Reply {
  try {
    return { findings: carryOut(request) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
    return { failure: { name, message } };
  }
}

/** Node's end of a worker; elsewhere it is the global scope. */
interface NodeThreads {
  readonly parentPort: {
    on(event: "message", listener: (request: Request) => void): void;
    postMessage(reply: Reply): void;
  } | null;
}

const process: { getBuiltinModule(id: "node:worker_threads"): NodeThreads } | undefined = Reflect.get(
  globalThis,
  "process",
);

if ("postMessage" in globalThis) {
  addEventListener("message", ({ data }: MessageEvent<Request>) => postMessage(answer(data)));
} else {
  const port = process?.getBuiltinModule("node:worker_threads").parentPort;
  port?.on("message", (request) => port.postMessage(answer(request)));
}
