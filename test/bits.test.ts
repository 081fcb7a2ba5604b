/** The same bits everywhere: hashes of all results against those that are committed. */
import { expect, it } from "vitest";
import * as simdloss from "../src/index.js";
import expected from "./bits.json" with { type: "json" };
import { hashes } from "./portable/bits.js";

it("returns the bits that it has always returned", () => {
  const got = hashes(simdloss);
  const known = new Map<string, string>(Object.entries(expected));
  const names = new Set([...known.keys(), ...Object.keys(got)]);
  const different = [...names].filter((name) => got[name] !== known.get(name));
  if (different.length === 0) return;
  const list = different.map(
    (name) => `  ${name}: ${got[name] ?? "none"}, in test/bits.json ${known.get(name) ?? "none"}`,
  );
  expect.fail(
    `${different.length} of ${names.size} hashes are not those of test/bits.json:\n${list.join("\n")}\n` +
      "Where a kernel has changed and its new results are within the bounds (npm run accuracy), write the file anew by `npm run bits` and commit " +
      "the two together. Where none has changed, a result depends on the machine: that is the fault to find, not the file's.",
  );
});
