/** The worker of examples/edge in workerd, over sockets. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { huber } from "simdloss";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Served, serve } from "../../examples/edge/serve.js";
import { expectAnswer, type Hostile, hostile, statuses, thousand } from "./hostile.js";

let served: Served;
beforeAll(async () => {
  served = await serve(0);
});
afterAll(() => served?.close());

interface Response {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

/** One request on a connection of its own: fetch would send no wrong Content-Length. */
async function send({ method, target, type, body, framing }: Hostile): Promise<Response> {
  const { hostname, port } = new URL(served.url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  // Nobody may be left to read the rest of a refused body.
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.once("end", () => socket.destroy());

  const sizes = { whole: body.length, truncated: body.length + 10, overstated: 2 ** 40, endless: undefined };
  const size = sizes[framing];
  const head = [`${method} ${target} HTTP/1.1`, `host: ${hostname}`, "connection: close"];
  head.push(size === undefined ? "transfer-encoding: chunked" : `content-length: ${size}`);
  if (type !== undefined) head.push(`content-type: ${type}`);
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  if (framing === "endless") sendBeyondLimit(socket, body[0] ?? 0x20);
  else socket.write(body);
  if (framing === "truncated") socket.end();
  await closed;

  const [, status, headers = "", answer = ""] = /^HTTP\/1\.1 (\d+) .*?\r\n(.*?\r\n)\r\n(.*)$/s.exec(text) ?? [];
  return { status: Number(status), type: /^content-type: (.*)\r$/im.exec(headers)?.[1], body: answer };
}

/** Never ends, and waits for an answer just beyond the limit: where more is not read, the answer may be lost with it. */
function sendBeyondLimit(socket: Socket, filling: number): void {
  const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(2 ** 16, filling), Buffer.from("\r\n")]);
  for (let sent = 0; sent <= 2 ** 24; sent += 2 ** 16) socket.write(chunk);
}

function post(target: string, type: string, body: Uint8Array<ArrayBuffer>): Promise<Response> {
  return send({ method: "POST", target, type, body, framing: "whole" });
}

const good = new TextEncoder().encode('{"prediction": [0.5, 4], "target": [0, 0]}');

async function expectService(): Promise<void> {
  const { status, body } = await post("/huber?delta=2", "application/json", good);
  expect([status, JSON.parse(body).loss]).toEqual([200, huber([0.5, 4], [0, 0], { delta: 2 })]);
}

/** Of workerd's process, in MB. */
function memory(): number {
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(served.pid)])) / 1000;
}

describe("examples/edge in workerd", () => {
  it("answers", expectService);

  const readme = readFileSync(new URL("../../examples/edge/README.md", import.meta.url), "utf8");
  const commands = [...readme.matchAll(/^```sh\n(.+)\n# (.+)\n```$/gm)].map(([, command = "", answer = ""]) => ({
    command,
    answer,
  }));

  it("has a README with commands for JSON, floats and class indices", () => expect(commands.length).toBe(3));

  it.each(commands)("$command", ({ command, answer }) => {
    const shown = execFileSync("sh", [
      "-ec",
      command.replace("curl", "curl -sS").replace("localhost:8787", new URL(served.url).host),
    ]);
    expect(JSON.parse(shown.toString())).toEqual(JSON.parse(answer));
  });

  it("answers a thousand hostile requests, each with 2xx or with 4xx and a reason, and then a good one", async () => {
    const seen = new Set<number>();
    const property = fc.asyncProperty(hostile, async (request) => {
      const { status, type, body } = await send(request);
      seen.add(status);
      expectAnswer(status, type, body);
    });
    await fc.assert(property, thousand);
    expect([...seen].sort((a, b) => a - b)).toEqual(statuses);
    await expectService();
  });

  it("keeps nothing of what it is sent: after half a gigabyte more, as much memory as before", async () => {
    const body = new Uint8Array(2 ** 24);
    const round = async (): Promise<number> => {
      for (let k = 0; k < 16; k++)
        expect((await post("/mse?type=f32", "application/octet-stream", body)).status).toBe(200);
      return memory();
    };
    const first = await round();
    await round();
    expect((await round()) - first).toBeLessThan(128);
    await expectService();
  });
});
