import { useEffect, useState } from "react";
import type { EventType } from "../../api/__generated__/graphql";
import { ask } from "../../api/client";
import { type EventData, RUN_EVENTS } from "./queries";

export type EventFilter = { stepKey: string | null; types: EventType[] | null; text: string };
type Found = { events: EventData[]; after: number; isWhole: boolean; error: Error | null };

const NOTHING: Found = { events: [], after: -1, isWhole: false, error: null };
const MOST = 5_000;

/** The events that fit a filter: read from the first on, up to 5,000 hits, and further when the log has grown to *total*. */
export function useFilteredEvents(runId: string, filter: EventFilter, total: number, isOn: boolean): Found {
  const key = JSON.stringify([runId, filter]);
  const [state, setState] = useState<{ key: string; found: Found }>({ key, found: NOTHING });
  const found = state.key === key ? state.found : NOTHING;
  useEffect(() => {
    const isEnough = found.events.length >= MOST || found.error !== null;
    if (!isOn || isEnough || (found.isWhole && found.after >= total - 1)) return;
    const controller = new AbortController();
    const [, { stepKey, types, text }] = JSON.parse(key) as [string, EventFilter];
    const wanted = text.toLowerCase();
    ask(RUN_EVENTS, { runId, after: found.after, stepKey, types }, controller.signal)
      .then(({ run }) => {
        if (!run) return;
        const page = run.events.events.filter((event) => !wanted || textOf(event).includes(wanted));
        const after = run.events.hasMore
          ? run.events.nextAfter
          : Math.max(run.events.nextAfter, run.eventCount - 1);
        setState({
          key,
          found: { events: [...found.events, ...page], after, isWhole: !run.events.hasMore, error: null },
        });
      })
      .catch((error: Error) => {
        if (!controller.signal.aborted) setState({ key, found: { ...found, error } });
      });
    return () => controller.abort();
  }, [runId, key, found, total, isOn]);
  return found;
}

function textOf(event: EventData): string {
  return `${event.eventType} ${event.stepKey ?? ""} ${event.message} ${JSON.stringify(event.payload)}`.toLowerCase();
}
