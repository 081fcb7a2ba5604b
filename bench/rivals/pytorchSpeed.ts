/** PyTorch on the CPU, by speed.py. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findPython } from "../../test/accuracy/python.js";
import { temperature } from "../rows.js";
import { Process } from "./process.js";
import { type Contestant, wellAdded } from "./task.js";

const script = fileURLToPath(new URL("speed.py", import.meta.url));

/**
 * glibc's malloc keeps what is freed. By default it gives large arrays back to the system at every call: with 4 Mi elements PyTorch was half as
 * fast then (mse 264 and 608 million elements a second).
 */
const environment = { MALLOC_MMAP_MAX_: "0", MALLOC_TRIM_THRESHOLD_: String(2 ** 33) };

/** Undefined where there is none. */
export function pytorch(): Contestant | undefined {
  const python = findPython("torch");
  if (python === undefined) return undefined;
  const version = spawnSync(python, ["-B", script, "--version"], { encoding: "utf8" }).stdout.trim();
  const child = new Process(python, ["-B", script], environment);
  return {
    name: "PyTorch",
    version,
    tolerance: wellAdded,
    async start({ loss, rows, length, prediction, target }) {
      child.tell({ loss, rows, length, temperature }, prediction, target);
      const value = await child.float64();
      const grads = [await child.float32s(prediction.length)];
      if (loss === "gaussianKl") grads.push(await child.float32s(prediction.length));
      return {
        value,
        grads,
        time(milliseconds) {
          child.tell({ milliseconds });
          return child.float64();
        },
        close() {},
      };
    },
    close: () => child.close(),
  };
}
