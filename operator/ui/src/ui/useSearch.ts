import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import type { Search } from "../router";

/** The search parameters of the address, and how to change some of them; null removes one. */
export function useUrlState(): [
  Search,
  (changes: Record<string, string | null>, isNewEntry?: boolean) => void,
] {
  const search: Search = useSearch({ strict: false });
  const navigate = useNavigate();
  const change = useCallback(
    (changes: Record<string, string | null>, isNewEntry = false) => {
      navigate({
        to: ".",
        replace: !isNewEntry,
        resetScroll: false,
        search: (before: Search) => {
          const after: Search = { ...before };
          for (const [name, value] of Object.entries(changes)) {
            if (value === null || value === "") delete after[name];
            else after[name] = value;
          }
          return after;
        },
      });
    },
    [navigate],
  );
  return [search, change];
}
