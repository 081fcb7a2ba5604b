/** Installs what only this folder needs, and says so. */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));

function changed(file: string): number {
  return existsSync(folder + file) ? statSync(folder + file).mtimeMs : 0;
}

export function installPackages(): void {
  if (changed("node_modules/.package-lock.json") >= changed("package-lock.json")) return;
  console.log("bench/rivals/installed: installing packages …");
  const command = ["install", "--no-save", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", command, {
    cwd: folder,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`npm ${command.join(" ")} failed in bench/rivals/installed`);
}
