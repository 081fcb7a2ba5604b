/** The package as `npm publish` would send it, installed in a project of its own. */
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Installed {
  readonly tarball: string;
  /** The project, and the package in it. */
  readonly project: string;
  readonly folder: string;
  /** The tarball's files, with slashes, sorted. */
  readonly files: readonly string[];
  text(file: string): string;
}

/** Packs dist/ as it is, and removes all again when the test file is done. */
export function install(): Installed {
  const project = mkdtempSync(join(tmpdir(), "simdloss-"));
  afterAll(() => rmSync(project, { recursive: true }));
  const windows = process.platform === "win32";
  run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", project], root, windows);
  const name = readdirSync(project).find((file) => file.endsWith(".tgz")) ?? "";
  run("tar", ["-xzf", name], project);
  const modules = join(project, "node_modules");
  const folder = join(modules, "simdloss");
  mkdirSync(modules);
  renameSync(join(project, "package"), folder);
  // Its peers.
  symlinkSync(join(root, "node_modules/@tensorflow"), join(modules, "@tensorflow"), windows ? "junction" : "dir");
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .map((file) => file.replaceAll("\\", "/"))
    .sort();
  return {
    tarball: join(project, name),
    project,
    folder,
    files,
    text: (file) => readFileSync(join(folder, file), "utf8"),
  };
}

function run(command: string, args: readonly string[], cwd: string, shell = false): void {
  const { status, stderr } = spawnSync(command, args, { cwd, shell, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
