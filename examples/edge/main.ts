/** Serves the worker on this machine until it is stopped. */
import { Command, InvalidArgumentError } from "commander";
import { serve } from "./serve.js";

const program = new Command("npm run edge --")
  .description(
    "Serves examples/edge/worker.ts in workerd, Cloudflare's runtime, at 127.0.0.1. examples/edge/README.md says what it takes.",
  )
  .option("--port <n>", "where it listens; 0 for any port that is free", port, 8787)
  .action(main);
await program.parseAsync().catch((error: unknown) => {
  program.error(`error: ${error instanceof Error ? error.message : error}`);
});

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 65536) return Number(text);
  throw new InvalidArgumentError("It must be a whole number, at most 65535.");
}

async function main(options: { readonly port: number }): Promise<void> {
  const { url, close } = await serve(options.port);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, close);
  console.log(`Listening at ${url}. Ctrl+C ends it. Try

  curl '${url}/huber?delta=2' -H 'content-type: application/json' -d '{"prediction": [0.5, 4], "target": [0, 0]}'
`);
}
