/** What arguments are checked for before anything is written. A NaN passes, except among weights. */
import { batch, request } from "./batch";
import { LANES, lanes } from "./lanes";

/** The index of the first of `n` numbers outside [low, high], or −1. */
export function outside(array: usize, n: i32, low: f64, high: f64): i32 {
  if (request.narrow) return outsideFrom<f32>(array, 0, n, low, high);
  const least = lanes.all(<real>low);
  const most = lanes.all(<real>high);
  let k = 0;
  for (; k + LANES <= n; k += LANES) {
    const x = v128.load(array + k * sizeof<real>());
    if (v128.any_true(v128.or(f.lt(x, least), f.gt(x, most)))) break;
  }
  return outsideFrom<real>(array, k, n, low, high);
}

function outsideFrom<E>(array: usize, from: i32, n: i32, low: f64, high: f64): i32 {
  for (let k = from; k < n; k++) {
    const x = <f64>load<E>(array + k * sizeof<E>());
    if (x < low || x > high) return k;
  }
  return -1;
}

/** The index of the first number that is neither 0 nor 1, or −1. */
export function unlabelled(array: usize, n: i32): i32 {
  return request.narrow ? unlabelledIn<f32>(array, n) : unlabelledIn<real>(array, n);
}

function unlabelledIn<E>(array: usize, n: i32): i32 {
  for (let k = 0; k < n; k++) {
    const x = <f64>load<E>(array + k * sizeof<E>());
    if (x == x && x != 0 && x != 1) return k;
  }
  return -1;
}

/** Adds weights up as a round; the index of the first that is negative or not finite, or −1. */
export function weigh(array: usize, n: i32): i32 {
  return request.narrow ? weighIn<f32>(array, n) : weighIn<real>(array, n);
}

/** In blocks of 16 vectors, so that neither the check nor the two-sum of `batch.close` waits for each weight. */
function weighIn<E>(array: usize, n: i32): i32 {
  const infinity = lanes.all(Infinity);
  const block = 16 * LANES;
  request.sum = 0;
  request.rest = 0;
  let from = 0;
  for (; from + block <= n; from += block) {
    let low = lanes.zero();
    let high = lanes.zero();
    let fit = f.eq(low, low);
    for (let k = from; k < from + block; k += LANES) {
      const weight = batch.load<E>(array + k * sizeof<E>());
      fit = v128.and(fit, v128.and(f.ge(weight, lanes.zero()), f.lt(weight, infinity)));
      low = f64x2.add(low, batch.low(weight));
      if (LANES == 4) high = f64x2.add(high, batch.high(weight));
    }
    if (!i32x4.all_true(fit)) break;
    const sum = f64x2.add(low, high);
    batch.close(f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
  }
  for (; from < n; from++) {
    const weight = <f64>load<E>(array + from * sizeof<E>());
    if (!(weight >= 0 && weight < Infinity)) return from;
    batch.close(weight);
  }
  batch.finish();
  return -1;
}

/** The index of the first of `n` class indices, i32, that is not in 0 … classes − 1, or −1. */
export function notClass(labels: usize, n: i32, classes: i32): i32 {
  const most = i32x4.splat(classes);
  let k = 0;
  for (; k + 4 <= n; k += 4) {
    if (v128.any_true(i32x4.ge_u(v128.load(labels + (k << 2)), most))) break;
  }
  for (; k < n; k++) if (load<u32>(labels + (k << 2)) >= <u32>classes) return k;
  return -1;
}

/** Adds up, as a round, the weights of the request's rows times those of their classes. */
export function weighRows(): void {
  if (request.narrow) weighRowsOf<f32>();
  else weighRowsOf<real>();
}

function weighRowsOf<E>(): void {
  request.sum = 0;
  request.rest = 0;
  for (let k = 0; k < request.n; k++) {
    const label = request.labels ? load<i32>(request.labels + (k << 2)) : 0;
    if (label < 0) continue;
    const weight = request.weights ? <f64>load<E>(request.weights + k * sizeof<E>()) : 1;
    if (weight == 0) continue;
    if (!request.classWeights) batch.close(weight);
    else if (request.labels) batch.close(weight * <f64>load<E>(request.classWeights + label * sizeof<E>()));
    else {
      const row = request.target + k * request.length * sizeof<E>();
      for (let c: usize = 0; c < <usize>request.length; c++) {
        const own = <f64>load<E>(request.classWeights + c * sizeof<E>());
        const target = <f64>load<E>(row + c * sizeof<E>());
        // What is no finite number shows in the loss; here it would take the other rows with it.
        if (own != 0 && target - target == 0) batch.close(weight * (own * target));
      }
    }
  }
  batch.finish();
}
