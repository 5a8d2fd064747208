import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { EventType } from "../../api/__generated__/graphql";
import { Empty } from "../../ui/parts";
import { useUrlState } from "../../ui/useSearch";
import { count } from "../../util/format";
import { EventRow } from "./EventRow";
import type { EventStore } from "./eventStore";
import { useFilteredEvents } from "./useFilteredEvents";

const KINDS: Record<string, { name: string; types: EventType[] | null }> = {
  all: { name: "all events", types: null },
  messages: { name: "messages", types: ["LOG_MESSAGE"] },
  failures: {
    name: "failures",
    types: ["STEP_FAILURE", "RUN_FAILURE", "STEP_UP_FOR_RETRY", "RESOURCE_INIT_FAILURE", "HOOK_ERRORED"],
  },
  data: {
    name: "outputs and data",
    types: [
      "STEP_OUTPUT",
      "HANDLED_OUTPUT",
      "ASSET_MATERIALIZATION",
      "ASSET_OBSERVATION",
      "STEP_EXPECTATION_RESULT",
    ],
  },
  engine: {
    name: "engine and pods",
    types: [
      "ENGINE_EVENT",
      "STEP_WORKER_STARTING",
      "STEP_WORKER_STARTED",
      "RUN_ENQUEUED",
      "RUN_DEQUEUED",
      "RUN_STARTING",
    ],
  },
};

const FAILURES = new Set<string>(["STEP_FAILURE", "RUN_FAILURE", "RESOURCE_INIT_FAILURE", "HOOK_ERRORED"]);

/** The structured log: any of its events at once, those of the selected step, or those that a text is found in. */
export function EventsPane({
  runId,
  store,
  stepKey,
}: {
  runId: string;
  store: EventStore;
  stepKey: string | null;
}) {
  useSyncExternalStore(store.subscribe, () => store.version);
  const [{ types = "all", find = "", event: linked }, setUrl] = useUrlState();
  const kind = KINDS[types] ?? { name: "all events", types: null };
  const [text, setText] = useState(find);
  const isFiltered = stepKey !== null || kind.types !== null || find !== "";
  const found = useFilteredEvents(runId, { stepKey, types: kind.types, text: find }, store.total, isFiltered);
  const length = isFiltered ? found.events.length : store.total;
  const scroller = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(store.state !== "ended" && !linked);
  const rows = useVirtualizer({
    count: length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 25,
    overscan: 10,
    getItemKey: (index) => (isFiltered ? (found.events[index]?.number ?? index) : index),
  });
  useEffect(() => {
    const timer = setTimeout(() => text !== find && setUrl({ find: text }), 300);
    return () => clearTimeout(timer);
  }, [text, find, setUrl]);
  useEffect(() => {
    if (isFollowing && length > 0) rows.scrollToIndex(length - 1);
  }, [isFollowing, length, rows]);
  const isLinkedShown = useRef(false);
  useEffect(() => {
    if (!linked || isFiltered || isLinkedShown.current || Number(linked) >= length) return;
    isLinkedShown.current = true;
    rows.scrollToIndex(Number(linked), { align: "center" });
  }, [linked, isFiltered, length, rows]);

  return (
    <>
      <div className="pane-tools">
        <input
          className="mono"
          data-filter
          aria-label="Find in the events"
          placeholder="find in events"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <select
          aria-label="Kinds of events"
          value={types in KINDS ? types : "all"}
          onChange={(event) => setUrl({ types: event.target.value === "all" ? null : event.target.value })}
        >
          {Object.entries(KINDS).map(([key, each]) => (
            <option key={key} value={key}>
              {each.name}
            </option>
          ))}
        </select>
        <span className="muted">
          {isFiltered
            ? `${count(found.events.length)} found of ${count(store.total)}${found.isWhole ? "" : ", reading …"}`
            : `${count(store.total)} events`}
        </span>
        <label className="row">
          <input
            type="checkbox"
            className="box"
            checked={isFollowing}
            onChange={(event) => setFollowing(event.target.checked)}
          />{" "}
          follow
        </label>
        {found.error && (
          <span className="error-text" role="alert">
            {found.error.message}
          </span>
        )}
      </div>
      <div
        ref={scroller}
        className="events"
        role="log"
        aria-label="events"
        tabIndex={0}
        onWheel={(event) => event.deltaY < 0 && setFollowing(false)}
      >
        {length === 0 && <Empty title={isFiltered ? "No event fits" : "No events yet"} />}
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map((item) => {
            const event = isFiltered ? found.events[item.index] : store.at(item.index);
            return (
              <div
                key={item.key}
                ref={rows.measureElement}
                data-index={item.index}
                className={`event ${event && FAILURES.has(event.eventType) ? "is-failure" : ""}`}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {event ? <EventRow event={event} /> : <span className="muted">…</span>}
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}
