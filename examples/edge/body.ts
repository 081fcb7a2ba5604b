/** Reads a request's body, as far as it goes. */
import { Refusal } from "./refusal.js";

/** They begin at their buffer's beginning. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes: 2 million predictions in f32 and their targets. With the gradient and its norm they take 32 of the 128 MB that Cloudflare gives a worker. */
export const longestBody = 2 ** 24;

/** At most that many bytes, in memory that grows with what comes: a Content-Length is only a claim. */
export async function bodyOf(request: Request): Promise<Bytes> {
  const tooLong = new Refusal(413, `the body must have at most ${longestBody} bytes`);
  if (Number(request.headers.get("content-length")) > longestBody) throw tooLong;
  let bytes = new Uint8Array(2 ** 16);
  let length = 0;
  try {
    // Whoever leaves the loop cancels the rest.
    for await (const chunk of request.body ?? []) {
      if (length + chunk.length > longestBody) throw tooLong;
      if (length + chunk.length > bytes.length) {
        const longer = new Uint8Array(Math.min(longestBody, Math.max(2 * bytes.length, length + chunk.length)));
        longer.set(bytes);
        bytes = longer;
      }
      bytes.set(chunk, length);
      length += chunk.length;
    }
  } catch (error) {
    throw error === tooLong ? error : new Refusal(400, "the body ended too early");
  }
  return bytes.subarray(0, length);
}
