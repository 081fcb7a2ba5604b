/** The losses over modules of the caller's own. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const manual = new URL("../../dist/manual.js", import.meta.url);

function moduleOf(name: string): WebAssembly.Module {
  return new WebAssembly.Module(new Uint8Array(readFileSync(new URL(`../../dist/${name}.wasm`, import.meta.url))));
}

it("does what the given binaries can, and names the one that is missing", async () => {
  const { create }: typeof import("../../src/manual.js") = await import(manual.href);
  const { huber } = create(moduleOf("regression.f32"));
  expect(huber(Float32Array.of(3), Float32Array.of(0))).toBe(2.5);
  expect(() => huber([3], [0])).toThrow(/^simdloss\/manual: regression\.f64\.wasm was not given to create$/);
  create(moduleOf("regression.f64"));
  expect(huber([3], [0])).toBe(2.5);
});

it("refuses what is none of them", async () => {
  const { create }: typeof import("../../src/manual.js") = await import(manual.href);
  const none = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  expect(() => create(none)).toThrow(
    "create: the module must be one of simdloss's, such as that of simdloss/regression.f32.wasm",
  );
});
