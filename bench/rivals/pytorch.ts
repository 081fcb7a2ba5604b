/** The answers of PyTorch, by accuracy.py. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Question } from "./rival.js";

const script = fileURLToPath(new URL("accuracy.py", import.meta.url));

interface Head {
  readonly version: string;
  readonly formulas: readonly { readonly formula: string; readonly after: string | null }[];
}

export async function pytorch(python: string, { loss, predictions, targets }: Question): Promise<Answer[]> {
  const child = spawn(python, [script, loss, JSON.stringify(targets)], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(new Uint8Array(predictions.buffer, predictions.byteOffset, predictions.byteLength));
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  const parts: Uint8Array[] = [];
  for await (const part of child.stdout) parts.push(part);
  if ((await ended) !== 0) throw new Error(`${script} failed on ${loss}`);
  const all = Buffer.concat(parts);
  const end = all.indexOf("\n");
  const { version, formulas }: Head = JSON.parse(all.toString("utf8", 0, end));
  const numbers = new Float32Array(Uint8Array.from(all.subarray(end + 1)).buffer);
  const block = (k: number) => numbers.subarray(k * predictions.length, (k + 1) * predictions.length);
  return formulas.map(({ formula, after }, place) => {
    const outputs = targets.map((_, which) => {
      const first = 3 * (place * targets.length + which);
      return { value: block(first), grad: block(first + 1), hess: block(first + 2) };
    });
    return { rival: "PyTorch", version, formula, after, outputs };
  });
}
