/** Programs that the suite is run with: where they are, and how they are run. */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** An npm package of installed/package.json, or a program of Debian's. */
export interface Program {
  readonly name: string;
  /** Where it is, if it is anywhere. */
  file(): string | undefined;
  version(): string;
}

const packages = fileURLToPath(new URL("installed/node_modules/", import.meta.url));

/** What `bin` of a package is, by its path. */
export function npm(name: string, bin = join(".bin", name)): Program {
  return {
    name,
    file: () => existing(join(packages, bin)),
    version: () => JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")).version,
  };
}

/** What the variable says, or one of these names on the PATH. */
function system(name: string, variable: string, ...others: readonly string[]): Program {
  const file = () => existing(process.env[variable]) ?? [name, ...others].map(onPath).find(Boolean);
  const version = () => {
    const said = execFileSync(file() ?? name, ["--version"], { encoding: "utf8", stdio: "pipe" });
    return /\d+(\.\d+)+/.exec(said)?.[0] ?? "unknown";
  };
  return { name, file, version };
}

export const node = (major: number) => npm(`node${major}`, join(`node${major}`, "bin", "node"));
export const chromium = system("chromium", "CHROMIUM", "chromium-browser", "google-chrome");
export const firefox = system("firefox-esr", "FIREFOX", "firefox");
export const xvfb = system("Xvfb", "XVFB");
/** Debian puts it where no PATH leads; without a screen it does not tell its version, but its package has the same. */
export const miniBrowser: Program = {
  name: "MiniBrowser",
  file: () => existing(process.env.MINIBROWSER) ?? onPath("MiniBrowser") ?? existing(ofDebian()?.file),
  version: () => /^Version: ([\d.]+)/m.exec(dpkg("--status", ofDebian()?.owner ?? ""))?.[1] ?? "unknown",
};

function ofDebian(): { readonly owner: string; readonly file: string } | undefined {
  const [, owner, file] = /^(\S+): (.*)/.exec(dpkg("--search", "*/MiniBrowser")) ?? [];
  return owner && file ? { owner, file } : undefined;
}

/** Nothing where there is no dpkg, or where it finds nothing. */
function dpkg(...rest: readonly string[]): string {
  return spawnSync("dpkg", rest, { encoding: "utf8" }).stdout ?? "";
}

function existing(file: string | undefined): string | undefined {
  try {
    if (file === undefined) return undefined;
    accessSync(file, constants.X_OK);
    return file;
  } catch {
    return undefined;
  }
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => existing(join(folder, name))).find(Boolean);
}

function fileOf(program: Program): string {
  const file = program.file();
  if (file === undefined) throw new Error(`${program.name} is not installed`);
  return file;
}

const execute = promisify(execFile);

/** Nothing of the user's own is read or written; scripts of npm packages run on Node 24, as webpack's command needs more than 20. */
function environment(folder: string): NodeJS.ProcessEnv {
  const { PATH = "", LANG } = process.env;
  const path = [join(packages, "node24", "bin"), PATH].join(delimiter);
  return { PATH: path, LANG, HOME: folder, TMPDIR: folder, DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };
}

/** What it prints. */
export async function run(folder: string, program: Program, ...rest: readonly (string | Program)[]): Promise<string> {
  const options = { cwd: folder, env: environment(folder), timeout: 60_000, maxBuffer: 2 ** 26 };
  const words = rest.map((word) => (typeof word === "string" ? word : fileOf(word)));
  return (await execute(fileOf(program), words, options)).stdout;
}

/** What goes on running until `use` is done, or until it has taken too long. */
export async function running<T>(
  folder: string,
  program: Program,
  rest: readonly string[],
  use: (started: Running) => Promise<T>,
  { variables, seconds = 60 }: { readonly variables?: NodeJS.ProcessEnv; readonly seconds?: number } = {},
): Promise<T> {
  // A group of its own, so that what it starts is ended with it.
  const child = spawn(fileOf(program), rest, {
    cwd: folder,
    env: { ...environment(folder), ...variables },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    detached: true,
  });
  const started = new Running(program.name, child, seconds);
  try {
    return await Promise.race([use(started), started.failed]);
  } finally {
    await started.end();
  }
}

export class Running {
  /** Rejects when it ends by itself, or takes too long. */
  readonly failed: Promise<never>;
  #said = "";
  readonly #ended: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  readonly #kill = (): void => {
    if (this.child.pid !== undefined) end(-this.child.pid);
  };

  constructor(
    name: string,
    private readonly child: ChildProcess,
    seconds: number,
  ) {
    process.once("exit", this.#kill);
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#said = (this.#said + chunk).slice(-2000);
    });
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
    this.failed = new Promise((_, reject) => {
      const fail = (why: string) => reject(new Error(`${name} ${why}; it said last:\n${this.#said}`));
      child.once("error", (error) => fail(`does not start: ${error.message}`));
      child.once("exit", (code, signal) => fail(`ended, ${code ?? signal}`));
      this.#timer = setTimeout(() => fail(`took more than ${seconds} s`), 1000 * seconds);
    });
    this.failed.catch(() => {});
  }

  /** The first line that it writes to its descriptor 3. */
  firstLine(): Promise<string> {
    return new Promise((resolve) => {
      let line = "";
      this.child.stdio[3]?.on("data", (chunk: Buffer) => {
        line += chunk;
        if (line.includes("\n")) resolve(line);
      });
    });
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    process.off("exit", this.#kill);
    this.#kill();
    await this.#ended;
  }
}

/** It may have ended by itself. */
function end(group: number): void {
  try {
    process.kill(group, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
