/** Watches which memories WebAssembly makes, and what is left of what nobody holds. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished } from "vitest";

export interface Memories {
  /** Those made since the last time that this was asked for. */
  made(): readonly WebAssembly.Memory[];
  /** Fails unless all are as large as they were made. */
  expectStill(): void;
  /** Watches no longer, and lets go of them. */
  stop(): void;
}

/** Until the test ends. A memory that grew, whether by its `grow` or by an instruction, would have another buffer. */
export function watchMemories(): Memories {
  const { Memory } = WebAssembly;
  const all: { readonly memory: WebAssembly.Memory; readonly buffer: ArrayBuffer; readonly bytes: number }[] = [];
  let seen = 0;
  // No mock of vitest's, which would hold the memories.
  WebAssembly.Memory = new Proxy(Memory, {
    construct(_, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      const memory = new Memory(descriptor);
      const { buffer } = memory;
      all.push({ memory, buffer, bytes: buffer.byteLength });
      return memory;
    },
  });
  const stop = () => {
    WebAssembly.Memory = Memory;
    all.length = 0;
  };
  onTestFinished(stop);
  return {
    made() {
      const found = all.slice(seen).map(({ memory }) => memory);
      seen = all.length;
      return found;
    },
    expectStill() {
      expect(all.length).toBeGreaterThan(0);
      for (const { memory, buffer, bytes } of all) {
        expect(memory.buffer).toBe(buffer);
        expect(buffer.byteLength).toBe(bytes);
      }
    },
    stop,
  };
}

/** What they take together. */
export function bytesOf(memories: readonly WebAssembly.Memory[]): number {
  return memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}

/** Collects garbage. */
export function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("no garbage collector");
  return () => {
    collect();
  };
}
