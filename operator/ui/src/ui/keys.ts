import { useEffect, useRef } from "react";
import { currentPrefs } from "./prefs";

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}

/** Single keys of the page, as `r` or `Shift-T`; off inside of fields, in dialogs, and when people turned them off. */
export function useKeys(bindings: Record<string, () => void>): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (!currentPrefs().singleKeys || document.querySelector("dialog[open]")) return;
      const name =
        event.shiftKey && /^[A-Za-z]$/.test(event.key) ? `Shift-${event.key.toUpperCase()}` : event.key;
      const action = latest.current[name];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}
