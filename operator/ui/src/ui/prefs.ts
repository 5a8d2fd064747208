/** Preferences live in the browser; everything else that a person sees is in the address. */
import { useSyncExternalStore } from "react";

export type Prefs = { theme: "system" | "light" | "dark"; zone: string; singleKeys: boolean };

const KEY = "opweave.prefs";
const DEFAULTS: Prefs = { theme: "system", zone: "browser", singleKeys: true };
const listeners = new Set<() => void>();
let current: Prefs = load();

function load(): Prefs {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return DEFAULTS;
  }
}

export function setPrefs(changes: Partial<Prefs>): void {
  current = { ...current, ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // A browser that stores nothing keeps the choice until the page closes.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

export function currentPrefs(): Prefs {
  return current;
}

export function zoneOf(prefs: Prefs): string {
  if (prefs.zone === "browser") return Intl.DateTimeFormat().resolvedOptions().timeZone;
  return prefs.zone;
}

export function applyTheme(): void {
  const isDark =
    current.theme === "dark" ||
    (current.theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
}
