import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function still(): () => void {
  return () => {};
}

/** The time in milliseconds, renewed each second while *ticks*. */
export function useNow(ticks = true): number {
  return useSyncExternalStore(ticks ? subscribe : still, () => now);
}
