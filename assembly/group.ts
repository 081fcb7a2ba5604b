/** The rows under way, in panels: vectors of one entry of each of a few rows side by side, or of the entries of one row in a line. */
import { request } from "./batch";
import { LANES, lanes } from "./lanes";
import { math } from "./math";

/** A vector's worth of rows under way. */
@unmanaged
class Group {
  /** Rows are side by side, a vector holds one entry of each; or there is one, in a line. */
  aside: bool;
  /** Vectors of a panel, and their bytes. */
  vectors: i32;
  stride: usize;
  /** A label's class weight is the whole row's. */
  byLabel: bool;
  /** The weights of the rows' values, f64: of the first two lanes, and of the others. */
  weights: v128;
  upperWeights: v128;
  /** What the derivatives in the panels are still to be multiplied by. */
  factor: v128;
  /** All three before a loss changed them. */
  rowWeights: v128;
  upperRowWeights: v128;
  rowFactor: v128;
  /** Where it is so, the derivatives by the labels' entries, which stand in no panel. */
  hasOwn: bool;
  own: v128;
  /** A row of predictions in a line stays where it is, if it has the numbers of the build. */
  stays: bool;
  /** Where the predictions are, but for a last vector that is padded: in the first panel, or in their row. */
  standing: usize;
  /** The largest of each row, of the predictions and of the targets. */
  most: v128;
  targetMost: v128;
}

export const group = changetype<Group>(memory.data(offsetof<Group>(), 16));

/** Of each row where it begins in an array, and its label. */
export const STARTS = memory.data(16, 16);
export const LABELS = memory.data(16, 16);

/** Of a sum over a row: f32 in f64; f64 with the rests of its additions. Knuth (1969), two-sum. */
@unmanaged
export class Tally {
  low: v128;
  high: v128;

  @inline open(): void {
    this.low = lanes.zero();
    this.high = lanes.zero();
  }

  @inline add(block: v128): void {
    this.high = Tally.upper(this.low, this.high, block);
    this.low = Tally.lower(this.low, block);
  }

  /** Both after a block, for those who keep them in locals: in memory an addition waits for the store before it. */
  @inline static lower(low: v128, block: v128): v128 {
    return LANES == 4 ? f64x2.add(low, lanes.lower(block)) : f.add(low, block);
  }

  @inline static upper(low: v128, high: v128, block: v128): v128 {
    if (LANES == 4) return f64x2.add(high, lanes.upper(block));
    return f.add(high, math.sumError(low, block, f.add(low, block)));
  }

  /** In the lanes of each row, less `less`, before any of it is rounded away. */
  @inline total(less: f64): v128 {
    return Tally.joined(this.low, this.high, less);
  }

  @inline static joined(low: v128, high: v128, less: f64): v128 {
    // The rest of an infinite sum is no number.
    if (LANES == 2) high = lanes.where(f.lt(f.abs(low), lanes.all(Infinity)), high);
    if (group.aside) {
      const minus = f64x2.splat(less);
      if (less != 0) low = f64x2.sub(low, minus);
      if (less != 0 && LANES == 4) high = f64x2.sub(high, minus);
      return LANES == 4 ? lanes.joined(low, high) : f.add(low, high);
    }
    const main = LANES == 4 ? f64x2.add(low, high) : low;
    const a = f64x2.extract_lane(main, 0);
    const b = f64x2.extract_lane(main, 1);
    if (LANES == 4) return lanes.all(<real>(a + b - less));
    const sum = a + b;
    const added = sum - a;
    const lost = abs(sum) < Infinity ? a - (sum - added) + (b - added) : 0;
    const rest = f64x2.extract_lane(high, 0) + f64x2.extract_lane(high, 1) + lost;
    return lanes.all(<real>(sum - less + rest));
  }
}

@unmanaged
export class panels {
  /** Bytes of a summation block: numbers of either type are added in a lane but a few times before a tally takes them. */
  @inline static block(): usize {
    return LANES == 4 ? 64 : 128;
  }

  @inline static at(index: usize): usize {
    return request.panels + index * group.stride;
  }

  @inline static aside(): bool {
    return group.aside;
  }

  @inline static end(panel: usize): usize {
    return panel + (group.vectors << 4);
  }

  /** Its end but for a last vector that is padded. */
  @inline static wholeEnd(panel: usize): usize {
    return panel + (group.aside ? group.stride : (<usize>(request.length / LANES)) << 4);
  }

  /** Leaves predictions where they are: a loss that reads them but twice saves their copies, 1.1 times as fast. */
  @inline static leave(): void {
    group.stays = !group.aside;
  }

  /** Where predictions stand, but for a last vector that is padded: that is in the first panel. */
  @inline static standing(): usize {
    return group.standing;
  }

  /** Brings predictions that stand in their row into the first panel. */
  static bring(): void {
    const panel = panels.at(0);
    if (group.standing != panel) memory.copy(panel, group.standing, panels.wholeEnd(panel) - panel);
    group.standing = panel;
  }

  /** What derivatives are to be multiplied by: weight times scale. A loss may change it. */
  @inline static factor(): v128 {
    return group.factor;
  }

  @inline static setFactor(factor: v128): void {
    group.factor = factor;
  }

  /** Multiplies the rows' weights, and with them the factor. */
  static weigh(by: v128): void {
    group.weights = f64x2.mul(group.weights, LANES == 4 ? lanes.lower(by) : by);
    group.upperWeights = LANES == 4 ? f64x2.mul(group.upperWeights, lanes.upper(by)) : group.weights;
    group.factor = panels.scaled();
  }

  /** Weight times scale, rounded once. */
  static scaled(): v128 {
    const scale = f64x2.splat(request.scale);
    const factor = f64x2.mul(group.weights, scale);
    return LANES == 4 ? lanes.joined(factor, f64x2.mul(group.upperWeights, scale)) : factor;
  }

  @inline static most(): v128 {
    return group.most;
  }

  @inline static targetMost(): v128 {
    return group.targetMost;
  }

  /** The number of rows to look after one by one, lane by lane. */
  @inline static lanes(): i32 {
    return group.aside ? LANES : 1;
  }

  @inline static label(lane: i32): i32 {
    return load<i32>(LABELS + (lane << 2));
  }

  /** Where an entry of a lane's row stands in a panel. */
  @inline static entry(panel: usize, lane: i32, index: i32): usize {
    return panel + (group.aside ? (index << 4) + lane * sizeof<real>() : index * sizeof<real>());
  }

  /** The labels' entries of a panel. Lane by lane: a vector loaded from where numbers were just stored would wait for them. */
  @inline static own(panel: usize): v128 {
    const first = panel + (load<usize>(LABELS) << (group.aside ? 4 : sizeof<real>() == 4 ? 2 : 3));
    if (!group.aside) return v128.load_splat<real>(first);
    const second = panel + (load<usize>(LABELS + 4) << 4);
    if (LANES == 2) return v128.load64_lane(second, v128.load64_zero(first), 1, 8);
    const third = panel + (load<usize>(LABELS + 8) << 4);
    const fourth = panel + (load<usize>(LABELS + 12) << 4);
    const half = v128.load32_lane(second, v128.load32_zero(first), 1, 4);
    return v128.load32_lane(fourth, v128.load32_lane(third, half, 2, 8), 3, 12);
  }

  /** Has labels stand for their rows: a class weight is the row's. */
  @inline static setByLabel(): void {
    group.byLabel = true;
  }

  /** Leaves the derivatives by the labels' entries. */
  @inline static setOwn(own: v128): void {
    group.hasOwn = true;
    group.own = own;
  }

  /** The largest of a row, in its lanes. */
  @inline static largest(x: v128): v128 {
    if (group.aside) return x;
    if (LANES == 4) x = f.pmax(x, i32x4.shuffle(x, x, 2, 3, 0, 1));
    return f.pmax(x, LANES == 4 ? i32x4.shuffle(x, x, 1, 0, 3, 2) : i64x2.shuffle(x, x, 1, 0));
  }

  /** A mask of the rows of which any bit is set. */
  @inline static any(mask: v128): v128 {
    return group.aside ? mask : i32x4.splat(v128.any_true(mask) ? -1 : 0);
  }

  /** The sum of a few numbers of a row. */
  @inline static sum(x: v128): v128 {
    if (group.aside) return x;
    if (LANES == 4) x = f.add(x, i32x4.shuffle(x, x, 2, 3, 0, 1));
    return f.add(x, LANES == 4 ? i32x4.shuffle(x, x, 1, 0, 3, 2) : i64x2.shuffle(x, x, 1, 0));
  }
}
