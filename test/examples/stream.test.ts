/** examples/node-stream, as a program and in its parts. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { InvalidArgumentError } from "commander";
import { huber, mae, mergeTotals, mse, rmse } from "simdloss";
import { afterAll, describe, expect, it } from "vitest";
import { csvPieces } from "../../examples/node-stream/csv.js";
import { floatPieces } from "../../examples/node-stream/floats.js";
import { Mistake } from "../../examples/node-stream/mistake.js";
import { losses, pairs, type Score, score } from "../../examples/node-stream/score.js";
import { task } from "../../examples/node-stream/task.js";
import * as specs from "../../src/losses/index.js";
import { drawData, random } from "../random.js";

const folder = mkdtempSync(join(tmpdir(), "simdloss-"));
afterAll(() => rmSync(folder, { recursive: true }));

const main = fileURLToPath(new URL("../../examples/node-stream/main.ts", import.meta.url));

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function stream(arguments_: readonly string[], input = ""): Run {
  return spawnSync(process.execPath, ["--import", "tsx", main, ...arguments_], {
    input,
    encoding: "utf8",
  });
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** More than two pieces of multiples of 2⁻¹⁰, whose squares add up exactly in f64. */
const { prediction, target } = drawData(specs.mse, Float64Array, 2 * pairs + 1234);
const text = `prediction,target\n${Array.from(prediction, (x, k) => `${x},${target[k]}`).join("\n")}\n`;
const bytes = ({ buffer }: Float32Array | Float64Array) => new Uint8Array(buffer);

describe("a stream of pieces gives the loss of the whole", () => {
  it("from CSV", () => {
    const { status, stdout } = stream([
      file("whole.csv", text),
      "--json",
      "--loss",
      "mse",
      "mae",
      "huber:delta=2",
      "rmse",
    ]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      mse: { loss: mse(prediction, target), total: mse.total(prediction, target) },
      mae: { loss: mae(prediction, target), total: mae.total(prediction, target) },
      "huber:delta=2": {
        loss: huber(prediction, target, { delta: 2 }),
        total: huber.total(prediction, target, { delta: 2 }),
      },
      rmse: { loss: rmse(prediction, target), total: rmse.total(prediction, target) },
    });
  });

  it("from standard input", () => {
    const { status, stdout } = stream(["-"], text);
    expect(status).toBe(0);
    expect(stdout).toContain(`of ${prediction.length.toLocaleString("en")} pairs`);
    for (const loss of [mse, mae]) expect(stdout).toContain(` ${loss(prediction, target)} `);
  });

  it("from doubles, with progress on the standard error", () => {
    const files = [file("x.f64", bytes(prediction)), file("y.f64", bytes(target))];
    const { status, stdout, stderr } = stream([...files, "--json"]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/scoring .* (\d+\.\d) of \1 MB/);
    expect(JSON.parse(stdout).mse).toEqual({ loss: mse(prediction, target), total: mse.total(prediction, target) });
  });

  it.each([...losses.values()])("from floats, $name", async (loss) => {
    const spec = Object.values(specs).find(({ name }) => name === loss.name) ?? specs.mse;
    const { prediction, target } = drawData(spec, Float32Array, 3 * pairs - 1);
    const files = [file("x.f32", bytes(prediction)), file("y.f32", bytes(target))] as const;
    const parts = [0, 1, 2].map((k) => {
      const piece = [k * pairs, (k + 1) * pairs] as const;
      return loss.total(prediction.subarray(...piece), target.subarray(...piece), {});
    });
    const total = mergeTotals(...parts);
    const task = { title: "it", loss, options: {} };
    const expected: Score[] = [{ title: "it", loss: loss.fromTotal(total), total }];
    let read = 0;
    const pieces = floatPieces(files, Float32Array, (more) => {
      read += more;
    });
    expect(await score(pieces, [task])).toEqual(expected);
    expect(read).toBe(8 * prediction.length);
  });

  it("in the same memory from piece to piece", async () => {
    const files = [file("x.f64", bytes(prediction)), file("y.f64", bytes(target))] as const;
    for (const pieces of [floatPieces(files, Float64Array, () => {}), csvPieces(Readable.from([text]), columns)]) {
      const lengths: number[] = [];
      const buffers = new Set<ArrayBufferLike>();
      for await (const { prediction, target } of pieces) {
        lengths.push(prediction.length);
        buffers.add(prediction.buffer).add(target.buffer);
      }
      expect(lengths).toEqual([pairs, pairs, 1234]);
      expect(buffers.size).toBe(2);
    }
  });
});

const columns = { prediction: "prediction", target: "target" };

async function read(source: Readable, wanted = columns): Promise<[number, number, string][]> {
  const found: [number, number, string][] = [];
  for await (const { prediction, target, where } of csvPieces(source, wanted)) {
    for (const [k, x] of prediction.entries()) found.push([x, target[k] ?? Number.NaN, where(k)]);
  }
  return found;
}

describe("CSV", () => {
  it.each([
    ["without a line of names", "1,2\n3,4\n"],
    ["without a last line end", "1,2\n3,4"],
    ["with semicolons, spaces and carriage returns", " 1; 2\r\n3 ;4 \r\n"],
    ["with tabs and more columns", "1\t2\t0\n3\t4\tx\n"],
  ])("%s", async (_, text) => {
    expect(await read(Readable.from([text]))).toEqual([
      [1, 2, "line 1"],
      [3, 4, "line 2"],
    ]);
  });

  it("with a byte order mark, columns in any order, empty lines and cells of two lines", async () => {
    const text = '\uFEFFlabel,note,score\n\n1,"two\nlines",0.5\n\n0,,-1e-3\n';
    expect(await read(Readable.from([text]), { prediction: "score", target: "label" })).toEqual([
      [0.5, 1, "line 3"],
      [-0.001, 0, "line 6"],
    ]);
  });

  it("in chunks of any length", async () => {
    const draw = random(1);
    const rows = 1000;
    const whole = Buffer.from(
      text
        .split("\n")
        .slice(0, rows + 1)
        .join("\n"),
    );
    const chunks: Buffer[] = [];
    for (let at = 0; at < whole.length; ) {
      const next = at + 1 + Math.floor(20 * draw());
      chunks.push(whole.subarray(at, next));
      at = next;
    }
    const found = await read(Readable.from(chunks));
    expect(found.map(([x]) => x)).toEqual([...prediction.subarray(0, rows)]);
    expect(found.map(([, y]) => y)).toEqual([...target.subarray(0, rows)]);
  });
});

describe("what is wrong is said, with where it is and what to do", () => {
  const far = `${"0.5,1\n".repeat(pairs + 10)}2,1\n`;

  it.each<[string, string, string, string]>([
    [
      "a cell that is no number",
      "prediction,target\n1,2\n3,x\n",
      "mse",
      'line 3: the target "x" is not a number; correct or remove that line',
    ],
    ["an empty cell", "1,2\n,3\n", "mse", 'line 2: the prediction "" is not a number; correct or remove that line'],
    ["a missing cell", "1,2\n3\n", "mse", "line 2 has 1 columns, the first has 2; correct or remove it"],
    ["one column", "1\n2\n", "mse", "line 1 has one column; two are needed, as in 0.5,1"],
    [
      "other names",
      "p,t\n1,2\n",
      "mse",
      'no column "prediction", the first line has "p", "t"; say which it is with --prediction',
    ],
    [
      "an open quote",
      '1,2\n"3,4\n',
      "mse",
      "Quote Not Closed: the parsing is finished with an opening quote at line 2; is it CSV?",
    ],
    [
      "no line ends",
      "x".repeat(2 ** 21),
      "mse",
      "Max Record Size: record exceed the maximum number of tolerated bytes of 1048576 at line 1; is it CSV?",
    ],
    ["a number that the loss does not take", far, "bce", `bce: prediction 2 at line ${pairs + 11} is outside [0, 1]`],
  ])("CSV: %s", async (_, text, name, message) => {
    const scores = score(csvPieces(Readable.from([text]), columns), task(name));
    await expect(scores).rejects.toEqual(new Mistake(message));
  });

  const short = file("short.f32", new Uint8Array(4));
  const odd = file("odd.f32", new Uint8Array(6));
  const nan = file("nan.f32", bytes(Float32Array.of(1, Number.NaN)));
  const two = file("two.f32", new Uint8Array(8));

  it.each<[string, string, string, string]>([
    ["targets that end too early", two, short, `${short} ends before ${two} does; they must hold as many numbers`],
    ["half a number", odd, odd, `${odd} ends within a number of 4 bytes; --type says what they are`],
    ["a NaN", two, nan, "target NaN at pair 2"],
  ])("floats: %s", async (_, x, y, message) => {
    const scores = score(
      floatPieces([x, y], Float32Array, () => {}),
      task("mse"),
    );
    await expect(scores).rejects.toEqual(new Mistake(message));
  });

  it.each([
    [
      "hubert",
      "The losses are bce, bceWithLogits, charbonnier, focal, focalWithLogits, huber, logCosh, mae, mse, rmse; files come before --loss.",
    ],
    ["huber:delta=-1", "huber: delta must be greater than 0, got -1."],
    ["mse:delta=1", 'mse: unknown option "delta"; the options are reduction, weights, out.'],
    ["huber:delta", 'Parameters are written as in huber:delta=2, got "delta".'],
    ["huber:delta=x", 'Parameters are written as in huber:delta=2, got "delta=x".'],
  ])("--loss %s", (text, message) => expect(() => task(text)).toThrow(new InvalidArgumentError(message)));

  it.each<[string, string[], number, string]>([
    ["an error in the data", ["-"], 1, "error: standard input: there are no pairs\n"],
    ["no such file", ["none.csv"], 1, "error: ENOENT: no such file or directory, stat 'none.csv'\n"],
    [
      "a wrong argument",
      ["-", "--loss", "hubert"],
      2,
      "error: option '--loss <name...>' argument 'hubert' is invalid. The losses are",
    ],
    ["no targets", [two], 2, "error: raw floats need a second file, of targets; --help shows how\n"],
    ["floats of an unknown type", ["a", "b"], 2, "error: --type must say whether a has f32 or f64; --help shows how\n"],
  ])("exit code: %s", (_, arguments_, status, message) => {
    const run = stream(arguments_);
    expect([run.status, run.stdout, run.stderr.slice(0, message.length)]).toEqual([status, "", message]);
  });

  it("--help names every loss", () => {
    const { status, stdout } = stream(["--help"]);
    expect(status).toBe(0);
    for (const name of losses.keys()) expect(stdout).toContain(name);
  });
});
