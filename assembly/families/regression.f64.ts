/** More exports of the f64 build. */
export { F64 } from "./f64";
