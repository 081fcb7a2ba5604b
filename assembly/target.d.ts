/** The element type of a build, which asconfig.json's two targets choose: f32x4, i32x4, f32 or f64x2, i64x2, f64. */
declare const f: typeof f32x4;
declare const i: typeof i32x4;
declare type real = f32;
