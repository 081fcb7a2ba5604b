/** A project that has the package installed from its tarball, as a user has it. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Returns its folder. */
export async function makeProject(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "simdloss-runtimes-"));
  const npm = (cwd: string, ...rest: readonly string[]) =>
    execFileSync("npm", [...rest, "--loglevel", "error"], { cwd, stdio: ["ignore", "ignore", "inherit"] });
  npm(root, "pack", "--pack-destination", folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(folder, "install", "--no-audit", "--no-fund", `./${tarball}`);

  cpSync(new URL("entries", import.meta.url), folder, { recursive: true });
  const smoke = await rolldown({ input: fileURLToPath(new URL("smoke.ts", import.meta.url)), tsconfig: false });
  // In Vercel's sandbox each look at a global takes a microsecond, and hashes take millions.
  await smoke.write({ file: join(folder, "smoke.js"), format: "esm", intro: "const { Math, Number } = globalThis;" });
  return folder;
}
