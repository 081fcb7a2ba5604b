/** The only row-wise loop: brings rows into panels, has a loss work on them, and takes its results out. */
import { batch, request } from "./batch";
import { group, LABELS, panels, STARTS } from "./group";
import { LANES, lanes } from "./lanes";
import { RowLoss } from "./rowLoss";
import { EACH, GRAD, HESS, SUM } from "./want";

/**
 * Rows up to this length go side by side, a lane each: no sum within a vector, no partial vector. In a line, one of 32 takes 1.6 times as
 * long, one of 100 1.15 times; from 300 on side by side is slower, and a lone row would be carried out as often as there are lanes.
 */
const ASIDE: i32 = 128;

/** Where the one loss of a run keeps its fields. */
const FIELDS = memory.data(512, 16);

/** Of each row its number and its weight. */
const NUMBERS = memory.data(16, 16);
const WEIGHTS = memory.data(32, 16);
const VALUES = memory.data(32, 16);

/** Room for a vector. */
const SPARE = memory.data(16, 16);

/** Carries the request out, as one round. */
export function runRows<L extends RowLoss, E>(): void {
  if (offsetof<L>() > 512) ERROR("a loss has more fields than there is room for");
  const loss = changetype<L>(FIELDS);
  request.sum = 0;
  request.rest = 0;
  group.aside = request.length <= ASIDE;
  group.vectors = group.aside ? request.length : (request.length + LANES - 1) / LANES;
  group.stride = group.vectors << 4;
  group.byLabel = false;
  group.stays = false;
  loss.prepare(request.a);
  const full = group.aside ? LANES : 1;
  const length = request.length;
  const labels = request.labels;
  const weights = request.weights;
  const classWeights = group.byLabel ? request.classWeights : 0;
  const alike = !weights && !classWeights;
  for (let lane = 0; lane < LANES; lane++) store<f64>(WEIGHTS + (lane << 3), request.unit);
  readWeights();
  let count = 0;
  let number = 0;
  while (number < request.n) {
    if (LANES == 4 && full == 4 && count == 0 && alike && number + 4 <= request.n) {
      // The common case: four rows that all count.
      const four = labels ? v128.load(labels + (number << 2)) : lanes.zero();
      if (!i32x4.bitmask(four)) {
        const numbers = i32x4.add(i32x4.splat(number), i32x4(0, 1, 2, 3));
        v128.store(NUMBERS, numbers);
        v128.store(STARTS, i32x4.mul(numbers, i32x4.splat(length * sizeof<E>())));
        v128.store(LABELS, four);
        carry<L, E>(4, false);
        number += 4;
        continue;
      }
    }
    const label = labels ? load<i32>(labels + (number << 2)) : 0;
    let weight = weights ? <f64>load<E>(weights + number * sizeof<E>()) * request.unit : request.unit;
    if (classWeights && label >= 0) weight *= <f64>load<E>(classWeights + label * sizeof<E>());
    if (label < 0 || weight == 0) clear<E>(number);
    else {
      store<i32>(NUMBERS + (count << 2), number);
      store<i32>(STARTS + (count << 2), number * length * sizeof<E>());
      store<i32>(LABELS + (count << 2), label);
      if (!alike) store<f64>(WEIGHTS + (count << 3), weight);
      if (++count == full) {
        carry<L, E>(count, !alike);
        count = 0;
      }
    }
    number++;
  }
  if (count) carry<L, E>(count, !alike);
  batch.finish();
}

/** The same in an f64 build for arrays of either type. */
export function runRowsWide<L extends RowLoss>(): void {
  if (request.narrow) runRows<L, f32>();
  else runRows<L, f64>();
}

/** A row that does not count. */
function clear<E>(number: i32): void {
  const bytes = request.length * sizeof<E>();
  const at = number * bytes;
  if (request.want & EACH) store<E>(request.value + number * sizeof<E>(), 0);
  if (request.want & GRAD) memory.fill(request.grad + at, 0, bytes);
  if (request.want & HESS) memory.fill(request.hess + at, 0, bytes);
  if (request.want & GRAD && request.gradOther) memory.fill(request.gradOther + at, 0, bytes);
  if (request.want & HESS && request.hessOther) memory.fill(request.hessOther + at, 0, bytes);
}

/** The weights of the group's rows. */
function readWeights(): void {
  group.weights = group.aside ? v128.load(WEIGHTS) : v128.load64_splat(WEIGHTS);
  group.upperWeights = group.aside ? v128.load(WEIGHTS, 16) : group.weights;
  group.rowWeights = group.weights;
  group.upperRowWeights = group.upperWeights;
  group.rowFactor = panels.scaled();
}

/** The rows of the group. */
function carry<L extends RowLoss, E>(count: i32, weighed: bool): void {
  const loss = changetype<L>(FIELDS);
  for (let lane = count; lane < panels.lanes(); lane++) {
    store<i32>(STARTS + (lane << 2), load<i32>(STARTS));
    store<i32>(LABELS + (lane << 2), load<i32>(LABELS));
    store<f64>(WEIGHTS + (lane << 3), load<f64>(WEIGHTS));
  }
  if (weighed) readWeights();
  group.weights = group.rowWeights;
  group.upperWeights = group.upperRowWeights;
  group.factor = group.rowFactor;
  group.hasOwn = false;
  const stays = sizeof<E>() == sizeof<real>() && group.stays;
  group.standing = stays ? rowStart.of(request.prediction, 0) : panels.at(0);
  group.most = copy.open<E>(request.prediction, panels.at(0), loss.padding(), stays);
  if (request.target) group.targetMost = open<E>(request.target, panels.at(1), loss.targetPadding());
  const value = loss.row();
  if (request.want & (SUM | EACH)) {
    const low = f64x2.mul(LANES == 4 ? lanes.lower(value) : value, group.weights);
    const high = LANES == 4 ? f64x2.mul(lanes.upper(value), group.upperWeights) : low;
    if (request.want & EACH) {
      v128.store(VALUES, low);
      if (LANES == 4) v128.store(VALUES, high, 16);
      for (let lane = 0; lane < count; lane++) {
        const to = request.value + load<i32>(NUMBERS + (lane << 2)) * sizeof<E>();
        store<E>(to, <E>load<f64>(VALUES + (lane << 3)));
      }
    } else if (count == LANES) {
      const sum = LANES == 4 ? f64x2.add(low, high) : low;
      batch.close(f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
    } else {
      batch.close(f64x2.extract_lane(low, 0));
      if (count > 1) batch.close(f64x2.extract_lane(low, 1));
      if (LANES == 4 && count > 2) batch.close(f64x2.extract_lane(high, 0));
    }
  }
  if (request.want & GRAD) {
    copy.close<E>(panels.at(0), request.grad);
    if (group.hasOwn) ownEntries.close<E>(f.mul(group.own, group.factor));
    if (request.gradOther) close<E>(panels.at(1), request.gradOther);
  }
  if (request.want & HESS) {
    close<E>(panels.at(2), request.hess);
    if (request.hessOther) close<E>(panels.at(3), request.hessOther);
  }
}

/** Where a lane's row begins. */
@unmanaged
class rowStart {
  @inline static of(array: usize, lane: i32): usize {
    return array + load<usize>(STARTS + (lane << 2));
  }
}

function open<E>(array: usize, panel: usize, padding: real): v128 {
  return copy.open<E>(array, panel, padding, false);
}

function close<E>(panel: usize, array: usize): void {
  copy.close<E>(panel, array);
}

/** Inlined for predictions and their gradient, called for what is rarer. */
@unmanaged
class copy {
  /** Copies the group's rows into a panel, one that stays but for its last, partial vector, and returns the largest of each. */
  @inline static open<E>(array: usize, panel: usize, padding: real, stays: bool): v128 {
    const length = request.length;
    const row = rowStart.of(array, 0);
    let most = lanes.all(-Infinity);
    if (!group.aside) {
      const whole = length / LANES;
      const one = LANES * sizeof<E>();
      let from = row;
      const end = panel + (whole << 4);
      // Four at a time: a maximum takes as long as four of them.
      let others = most;
      let to = panel;
      for (; to + 48 < end; to += 64) {
        const a = batch.load<E>(from);
        const b = batch.load<E>(from + one);
        const c = batch.load<E>(from + 2 * one);
        const d = batch.load<E>(from + 3 * one);
        if (!stays) {
          v128.store(to, a);
          v128.store(to, b, 16);
          v128.store(to, c, 32);
          v128.store(to, d, 48);
        }
        most = f.pmax(f.pmax(a, b), most);
        others = f.pmax(f.pmax(c, d), others);
        from += 4 * one;
      }
      most = f.pmax(most, others);
      for (; to < end; to += 16) {
        const x = batch.load<E>(from);
        v128.store(to, x);
        most = f.pmax(x, most);
        from += one;
      }
      const left = length - whole * LANES;
      if (left) {
        for (let k = 0; k < LANES; k++) {
          const x = k < left ? <real>load<E>(from + k * sizeof<E>()) : padding;
          store<real>(end + k * sizeof<real>(), x);
        }
        most = f.pmax(v128.load(end), most);
      }
    } else {
      const row1 = rowStart.of(array, 1);
      const row2 = LANES == 4 ? rowStart.of(array, 2) : row;
      const row3 = LANES == 4 ? rowStart.of(array, 3) : row;
      // Rows shorter than a vector number by number, others in squares.
      for (let k = 0; k < length && length < LANES; k++) {
        const at = k * sizeof<E>();
        const x = square.column<E>(row + at, row1 + at, row2 + at, row3 + at);
        v128.store(panel + (k << 4), x);
        most = f.pmax(x, most);
      }
      for (let k = 0; k < length && length >= LANES; k += LANES) {
        // The last square overlaps the one before it.
        const column = min(k, length - LANES);
        const at = column * sizeof<E>();
        const to = panel + (column << 4);
        const a = batch.load<E>(row + at);
        const b = batch.load<E>(row1 + at);
        if (LANES == 4) {
          const c = batch.load<E>(row2 + at);
          most = f.pmax(square.turn(a, b, c, batch.load<E>(row3 + at), to, to + 16, to + 32, to + 48), most);
        } else {
          square.turn2<real>(a, b, to, to + 16);
          most = f.pmax(v128.load(to), f.pmax(v128.load(to, 16), most));
        }
      }
    }
    return panels.largest(most);
  }

  /** Copies a panel, times the factor, into the group's rows. */
  @inline static close<E>(panel: usize, array: usize): void {
    const length = request.length;
    const factor = group.factor;
    const row = rowStart.of(array, 0);
    if (!group.aside) {
      const whole = length / LANES;
      const one = LANES * sizeof<E>();
      let to = row;
      let from = panel;
      const end = panel + (whole << 4);
      for (; from + 48 < end; from += 64) {
        batch.store<E>(to, f.mul(v128.load(from), factor));
        batch.store<E>(to + one, f.mul(v128.load(from, 16), factor));
        batch.store<E>(to + 2 * one, f.mul(v128.load(from, 32), factor));
        batch.store<E>(to + 3 * one, f.mul(v128.load(from, 48), factor));
        to += 4 * one;
      }
      for (; from < end; from += 16) {
        batch.store<E>(to, f.mul(v128.load(from), factor));
        to += one;
      }
      const left = length - whole * LANES;
      if (!left) return;
      v128.store(SPARE, f.mul(v128.load(end), factor));
      for (let k: usize = 0; k < <usize>left; k++) {
        store<E>(to + k * sizeof<E>(), <E>load<real>(SPARE + k * sizeof<real>()));
      }
    } else {
      const row1 = rowStart.of(array, 1);
      const row2 = LANES == 4 ? rowStart.of(array, 2) : row;
      const row3 = LANES == 4 ? rowStart.of(array, 3) : row;
      for (let k = 0; k < length && length < LANES; k++) {
        const at = k * sizeof<E>();
        square.scatter<E>(f.mul(v128.load(panel + (k << 4)), factor), row + at, row1 + at, row2 + at, row3 + at);
      }
      for (let k = 0; k < length && length >= LANES; k += LANES) {
        const column = min(k, length - LANES);
        const at = column * sizeof<E>();
        const from = panel + (column << 4);
        const a = f.mul(v128.load(from), factor);
        const b = f.mul(v128.load(from, 16), factor);
        if (LANES == 4) {
          const c = f.mul(v128.load(from, 32), factor);
          const d = f.mul(v128.load(from, 48), factor);
          square.turn(a, b, c, d, row + at, row1 + at, row2 + at, row3 + at);
        } else square.turn2<E>(a, b, row + at, row1 + at);
      }
    }
  }
}

/** Puts derivatives where the labels are. */
@unmanaged
class ownEntries {
  @inline static close<E>(own: v128): void {
    ownEntries.store<E>(0, <E>f.extract_lane(own, 0));
    if (!group.aside) return;
    ownEntries.store<E>(1, <E>f.extract_lane(own, 1));
    if (LANES == 2) return;
    ownEntries.store<E>(2, <E>f.extract_lane(own, 2));
    ownEntries.store<E>(3, <E>f.extract_lane(own, 3));
  }

  @inline static store<E>(lane: i32, own: E): void {
    store<E>(rowStart.of(request.grad, lane) + load<usize>(LABELS + (lane << 2)) * sizeof<E>(), own);
  }
}

/** Squares of numbers, a row a vector. */
@unmanaged
class square {
  /** Stores the columns of four rows, and returns the largest of each row. */
  @inline static turn(a: v128, b: v128, c: v128, d: v128, to0: usize, to1: usize, to2: usize, to3: usize): v128 {
    const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
    const column0 = i64x2.shuffle(ab0, cd0, 0, 2);
    const column1 = i64x2.shuffle(ab0, cd0, 1, 3);
    const column2 = i64x2.shuffle(ab1, cd1, 0, 2);
    const column3 = i64x2.shuffle(ab1, cd1, 1, 3);
    v128.store(to0, column0);
    v128.store(to1, column1);
    v128.store(to2, column2);
    v128.store(to3, column3);
    return f.pmax(f.pmax(column0, column1), f.pmax(column2, column3));
  }

  /** A number of each row. */
  @inline static column<E>(row0: usize, row1: usize, row2: usize, row3: usize): v128 {
    let x = f.splat(<real>load<E>(row0));
    x = f.replace_lane(x, 1, <real>load<E>(row1));
    if (LANES == 2) return x;
    x = f.replace_lane(x, 2, <real>load<E>(row2));
    return f.replace_lane(x, 3, <real>load<E>(row3));
  }

  @inline static scatter<E>(x: v128, row0: usize, row1: usize, row2: usize, row3: usize): void {
    store<E>(row0, <E>f.extract_lane(x, 0));
    store<E>(row1, <E>f.extract_lane(x, 1));
    if (LANES == 2) return;
    store<E>(row2, <E>f.extract_lane(x, 2));
    store<E>(row3, <E>f.extract_lane(x, 3));
  }

  /** Of two, for arrays of E. */
  @inline static turn2<E>(a: v128, b: v128, to0: usize, to1: usize): void {
    batch.store<E>(to0, i64x2.shuffle(a, b, 0, 2));
    batch.store<E>(to1, i64x2.shuffle(a, b, 1, 3));
  }
}
