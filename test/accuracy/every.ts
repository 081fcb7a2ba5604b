/** Losses and vector functions over every float32, on every core. */
import { type ChildProcess, fork } from "node:child_process";
import { boundOf, inputsOf, type Name } from "./cases.js";
import { writeReport } from "./report.js";
import { type Chunk, compileAll, merge, newVerdicts, type Verdict } from "./scan.js";
import type { Done, Task } from "./serve.js";
import { print, share, show, withBar } from "./table.js";

/** Inputs of a chunk, a tenth of a second's worth. */
const CHUNK = 2 ** 18;

function* chunksOf(name: Name, stride: number): Generator<Chunk> {
  for (const { first, count } of inputsOf(name)) {
    for (let from = 0; from < Math.ceil(count / stride); from += CHUNK) {
      yield { first: first + from * stride, stride, count: Math.min(CHUNK, Math.ceil(count / stride) - from) };
    }
  }
}

/** Hands the chunks to workers, each the next one when it is done with one. */
async function scan(
  workers: readonly ChildProcess[],
  name: Name,
  stride: number,
  onDone: (inputs: number) => void,
): Promise<Verdict[]> {
  const verdicts = newVerdicts(name);
  const chunks = chunksOf(name, stride);
  const busy = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        const next = (): void => {
          const { value: chunk } = chunks.next();
          if (!chunk) {
            worker.off("message", receive).off("error", reject).off("exit", fail);
            resolve();
            return;
          }
          const task: Task = { name, chunk };
          worker.send(task);
        };
        const receive = ({ chunk, verdicts: parts }: Done): void => {
          parts.forEach((part, k) => {
            const verdict = verdicts[k];
            if (verdict !== undefined) merge(verdict, part);
          });
          onDone(chunk.count);
          next();
        };
        const fail = (code: number | null): void => reject(new Error(`a worker ended with ${code}`));
        worker.on("message", receive).on("error", reject).on("exit", fail);
        next();
      }),
  );
  await Promise.all(busy);
  return verdicts;
}

/** A float32 by its bits, with the digits that tell it from its neighbours. */
function float32(bits: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits);
  return String(Number(view.getFloat32(0).toPrecision(9)));
}

/** An error in ULPs, and where it is; of results that are all the nearest number it is not told. */
export function largest({ worst, at }: Pick<Verdict, "worst" | "at">): [error: string, at: string] {
  return worst <= 0.5 ? ["≤ 0.5", ""] : [worst.toFixed(3), float32(at)];
}

/** Prints and writes the largest errors, and returns whether all are within their bounds. */
export async function proveEvery(
  names: readonly Name[],
  { stride, threads, out }: { stride: number; threads: number; out: string },
  worker = new URL("./worker.ts", import.meta.url),
): Promise<boolean> {
  compileAll();
  // As JSON, an infinite error would come back as null.
  const workers = Array.from({ length: threads }, () =>
    fork(worker, { serialization: "advanced", execArgv: ["--import", "tsx"] }),
  );
  let within = true;
  for (const name of names) {
    const count = inputsOf(name).reduce((sum, range) => sum + Math.ceil(range.count / stride), 0);
    const started = performance.now();
    const verdicts = await withBar(name, count, "float32s", (onDone) => scan(workers, name, stride, onDone));
    const seconds = (performance.now() - started) / 1000;
    print(
      [name, "target", "result", "max ULP", "at", "> ½ ULP", "> 1 ULP", "> 2 ULP"],
      [name, "result"],
      verdicts.map((verdict) => [
        show(verdict.settings),
        `${verdict.target ?? ""}`,
        verdict.result,
        ...largest(verdict),
        ...[verdict.half, verdict.one, verdict.two].map((part) => share(part, verdict.count)),
      ]),
    );
    const bound = boundOf(name);
    const missed = verdicts.find((verdict) => verdict.count !== count);
    if (missed !== undefined) throw new Error(`${name}: ${missed.count} of ${count} float32s were judged`);
    const beyond = verdicts.filter(({ worst }) => !(worst <= bound)).length;
    const which = stride === 1 ? "every float32" : `every ${stride}th float32`;
    console.log(
      `${name}: ${which} in ${seconds.toFixed(0)} s; ${beyond} results are beyond the bound of ${bound} ULP.`,
    );
    writeReport(out, name, started, { stride, bound, verdicts });
    within &&= beyond === 0;
  }
  for (const worker of workers) worker.disconnect();
  return within;
}
