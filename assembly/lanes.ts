/** Words over v128, for the element type of the build. */

/** Elements in one v128. */
export const LANES: i32 = 16 / sizeof<real>();

@unmanaged
export class lanes {
  /** `x` in every lane. A literal costs 3 µops a vector however often it is used, one from a table 1 µop for each use. */
  @inline static all(x: real): v128 {
    return f.splat(x);
  }

  /** Entry `index` of a table of constants, in every lane: one µop. */
  @inline static at(table: usize, index: i32): v128 {
    return v128.load_splat<real>(table + index * sizeof<real>());
  }

  @inline static half(): v128 {
    return f.splat(0.5);
  }

  @inline static one(): v128 {
    return f.splat(1);
  }

  @inline static two(): v128 {
    return f.splat(2);
  }

  @inline static zero(): v128 {
    return i32x4.splat(0);
  }

  /** `yes` where `mask` is set, `no` elsewhere. */
  @inline static choose(mask: v128, yes: v128, no: v128): v128 {
    return v128.bitselect(yes, no, mask);
  }

  /** `x` where `mask` is set, 0 elsewhere. */
  @inline static where(mask: v128, x: v128): v128 {
    return v128.and(x, mask);
  }

  /** `x` limited to [−bound, bound]. pmin and pmax with the data first keep a NaN; one instruction each where min and max take six. */
  @inline static clip(x: v128, bound: v128): v128 {
    return f.pmax(f.pmin(x, bound), f.neg(bound));
  }

  /** `to`, or NaN where `x` is NaN: a comparison's all-ones is a NaN. */
  @inline static orNaN(to: v128, x: v128): v128 {
    return v128.or(to, f.ne(x, x));
  }

  /** The sign bit of `x`. */
  @inline static sign(x: v128): v128 {
    return v128.and(x, f.splat(-0.0));
  }

  /** |x|, by one instruction where f.abs takes three. */
  @inline static size(x: v128): v128 {
    return v128.andnot(x, f.splat(-0.0));
  }

  /** −|x|. */
  @inline static below(x: v128): v128 {
    return v128.or(x, f.splat(-0.0));
  }

  /** The first two f32 lanes in f64. */
  @inline static lower(x: v128): v128 {
    return f64x2.promote_low_f32x4(x);
  }

  /** The last two. */
  @inline static upper(x: v128): v128 {
    return f64x2.promote_low_f32x4(i32x4.shuffle(x, x, 2, 3, 2, 3));
  }

  /** Both again, rounded to f32. */
  @inline static joined(lower: v128, upper: v128): v128 {
    return i32x4.shuffle(f32x4.demote_f64x2_zero(lower), f32x4.demote_f64x2_zero(upper), 0, 1, 4, 5);
  }

  /** Integers below 2^31 as numbers. */
  @inline static counted(x: v128): v128 {
    if (sizeof<real>() == 4) return f32x4.convert_i32x4_s(x);
    return f64x2.convert_low_i32x4_s(i32x4.shuffle(x, x, 0, 2, 0, 2));
  }
}
