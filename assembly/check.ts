/** What arguments are checked for before anything is written. A NaN passes, except among weights. */
import { request } from "./batch";
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

/** Adds weights up in the request; the index of the first that is negative or not finite, or −1. */
export function weigh(array: usize, n: i32): i32 {
  return request.narrow ? weighIn<f32>(array, n) : weighIn<real>(array, n);
}

function weighIn<E>(array: usize, n: i32): i32 {
  let sum: f64 = 0;
  let rest: f64 = 0;
  for (let k = 0; k < n; k++) {
    const weight = <f64>load<E>(array + k * sizeof<E>());
    if (!(weight >= 0 && weight < Infinity)) return k;
    const next = sum + weight;
    const added = next - sum;
    rest += sum - (next - added) + (weight - added);
    sum = next;
  }
  request.sum = sum;
  request.rest = rest;
  return -1;
}
