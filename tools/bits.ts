/** Writes test/bits.json anew, for kernels whose results have changed on purpose. */
import { writeFileSync } from "node:fs";
import * as simdloss from "simdloss";
import { hashes } from "../test/portable/bits.js";

writeFileSync("test/bits.json", `${JSON.stringify(hashes(simdloss), undefined, 2)}\n`);
