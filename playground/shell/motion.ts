/** Time, for what moves. */
import { useLayoutEffect, useRef } from "preact/hooks";

/** Visitors may prefer that nothing moves. */
export const still = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Calls back before each frame while it runs, with the seconds since the last one. */
export function useFrames(running: boolean, onFrame: (seconds: number) => void): void {
  const latest = useRef(onFrame);
  latest.current = onFrame;
  // Before the next frame, not after it: what is paused stands still.
  useLayoutEffect(() => {
    if (!running) return;
    let last: number | undefined;
    let request = requestAnimationFrame(function frame(now) {
      latest.current(last === undefined ? 0 : (now - last) / 1000);
      last = now;
      request = requestAnimationFrame(frame);
    });
    return () => cancelAnimationFrame(request);
  }, [running]);
}
