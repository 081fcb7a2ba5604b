/** The vector functions of assembly/math.ts over arrays, in the element type of the build. They go by their place in test/accuracy/cases.ts. */
import { LANES, lanes } from "../../../assembly/lanes";
import { math } from "../../../assembly/math";

const COUNT: i32 = 16384;

export const SIZE: i32 = COUNT;
export const INPUTS = memory.data(COUNT * sizeof<real>(), 16);
export const OUTPUTS = memory.data(COUNT * sizeof<real>(), 16);

function apply(which: i32, x: v128): v128 {
  if (which == 0) return math.exp(x);
  if (which == 1) return math.expm1(x, math.turns(x));
  if (which == 2) return math.log(x);
  if (which == 3) return math.log1p(x);
  if (which == 4) return math.log1m(x);
  if (which == 5) return math.share(x, lanes.zero(), lanes.zero());
  return math.bell(x, lanes.zero(), lanes.one());
}

export function run(which: i32, n: i32): void {
  for (let k = 0; k < n; k += LANES) {
    const at = k * sizeof<real>();
    v128.store(OUTPUTS + at, apply(which, v128.load(INPUTS + at)));
  }
}
