/** Where Python is: what PYTHON names, else python3. */
import { spawnSync } from "node:child_process";

/** The one that has the module, if there is one. */
export function findPython(module: "mpmath" | "torch"): string | undefined {
  const candidates = [process.env.PYTHON, "python3"].filter((name) => name !== undefined);
  return candidates.find((python) => spawnSync(python, ["-c", `import ${module}`]).status === 0);
}
