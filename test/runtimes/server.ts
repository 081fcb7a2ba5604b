/** Serves a folder to this machine alone, and takes what a page of it posts. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { extname, join } from "node:path";
import { text } from "node:stream/consumers";

/** What the headers allow a page. */
export interface Rights {
  /** Shared memory. */
  readonly isolated: boolean;
  /** To compile WebAssembly. */
  readonly compiles: boolean;
}

const kinds: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

/** Posts what goes wrong before there is a report: a file that is not there, or does not run. */
const watch = `<script nonce="page">
  const post = (why) => fetch("/report", { method: "POST", body: JSON.stringify({ passed: 0, failures: [why] }) });
  addEventListener("error", ({ message, target }) => post(message ?? "there is no " + (target.src ?? target)), true);
  addEventListener("unhandledrejection", ({ reason }) => post(String(reason)));
</script>`;

/** The policy is as strict as the README says that it may be. */
function headersOf({ isolated, compiles }: Rights): Record<string, string> {
  const scripts = `'self' 'nonce-page'${compiles ? " 'wasm-unsafe-eval'" : ""}`;
  return {
    "Content-Security-Policy": `default-src 'none'; script-src ${scripts}; worker-src blob:; connect-src 'self'`,
    ...(isolated && {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    }),
  };
}

/** While `visit`, which is given the folder's address, goes on; returns what is posted. */
export async function serve(
  folder: string,
  rights: Rights,
  visit: (url: string, posted: Promise<string>) => Promise<string>,
): Promise<string> {
  const headers = headersOf(rights);
  const server = createServer();
  const posted = new Promise<string>((resolve) => {
    const answer: RequestListener = async (request, response) => {
      if (request.method === "POST") {
        resolve(await text(request));
        response.end();
        return;
      }
      const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
      const file = await readFile(join(folder, pathname)).catch(() => undefined);
      const kind = kinds[extname(pathname)] ?? "application/octet-stream";
      response.writeHead(file === undefined ? 404 : 200, { ...headers, "Content-Type": kind });
      if (kind === "text/html") response.write(watch);
      response.end(file);
    };
    server.on("request", answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("the server has no port");
    return await visit(`http://127.0.0.1:${address.port}`, posted);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
