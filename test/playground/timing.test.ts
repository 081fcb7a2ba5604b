import * as losses from "simdloss";
import { describe, expect, it } from "vitest";
import { agree, contestants, kindOf, names } from "../../playground/speed/contestants.js";
import { callsFor, median, race, resolution, timed } from "../../playground/speed/timing.js";

/** Time that passes only when it is spent, told in steps. */
function clockOf(step: number): { now: () => number; spend: (milliseconds: number) => void } {
  let time = 0;
  return {
    // Looking takes time too.
    now: () => {
      time += 1e-4;
      return Math.floor(time / step) * step;
    },
    spend: (milliseconds) => {
      time += milliseconds;
    },
  };
}

it.each([0.005, 0.1, 1])("finds the step of a clock, %d ms", (step) => {
  expect(resolution(clockOf(step).now)).toBeCloseTo(step, 9);
});

it("makes as many calls as last long enough", () => {
  const { now, spend } = clockOf(0.1);
  expect(callsFor(() => spend(0.3), 8, now)).toBe(32); // 16 take 4.8 ms
  expect(callsFor(() => spend(20), 8, now)).toBe(1);
});

it("times a call", () => {
  const { now, spend } = clockOf(0.001);
  expect(timed(() => spend(0.25), 64, now)).toBeCloseTo(0.25, 3);
});

it("takes the middle of what was measured", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

it("lets all take turns, and forgets a disturbance", async () => {
  const { now, spend } = clockOf(0.1);
  const turns: string[] = [];
  let disturbed = 0;
  const calls = new Map([
    ["quick", () => spend(0.5)],
    // One round of seven takes fifty times as long.
    ["slow", () => spend(turns.length === 4 && disturbed++ < 4 ? 100 : 2)],
  ]);
  const times = await race(calls, 7, now, async () => void turns.push(""));
  expect(turns).toHaveLength(2 + 7);
  expect(disturbed).toBeGreaterThan(0);
  expect(Math.abs((times.get("quick") ?? 0) - 0.5)).toBeLessThan(0.025);
  expect(Math.abs((times.get("slow") ?? 0) - 2)).toBeLessThan(0.1);
});

describe.each(names)("%s", (name) => {
  it("comes to the same by all who are timed", () => {
    const all = contestants(losses, name, 1000);
    const ours = all.get("simdloss");
    expect([...all.keys()]).toEqual(["plain JavaScript", "simdloss", "simdloss in an Arena"]);
    for (const [who, other] of all) expect(ours !== undefined && agree(ours, other), who).toBe(true);
  });
});

it("notices who comes to something else", () => {
  const right = { run: () => 1, grad: () => [1, -2] };
  expect(agree(right, { run: () => 1.002, grad: right.grad })).toBe(false);
  expect(agree(right, { run: () => Number.NaN, grad: right.grad })).toBe(false);
  expect(agree(right, { run: right.run, grad: () => [1, -2.01] })).toBe(false);
  expect(agree(right, { run: right.run, grad: () => [1] })).toBe(false);
  expect(agree(right, { run: () => 1.0001, grad: () => [1.0001, -2] })).toBe(true);
  expect(kindOf("bce")).toBe("probability");
});
