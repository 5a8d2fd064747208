import { Metadata, metadataOf } from "../../ui/Metadata";
import { usePrefs, zoneOf } from "../../ui/prefs";
import { clock } from "../../util/format";
import type { EventData } from "./queries";

/** One entry of the log. All of it is text, whoever wrote it. */
export function EventRow({ event }: { event: EventData }) {
  const zone = zoneOf(usePrefs());
  const payload = (event.payload ?? {}) as Record<string, unknown>;
  const error = errorOf(payload);
  const metadata = metadataOf(payload);
  return (
    <>
      <span className="mono secondary" title={`event ${event.number}, ${event.timestamp}`}>
        {clock(new Date(event.timestamp), zone)}
      </span>
      <span className="clip mono" title={event.stepKey ?? ""}>
        {event.stepKey}
      </span>
      <span className="event-type mono clip" title={event.eventType}>
        {event.eventType}
      </span>
      <div>
        <pre>{event.message}</pre>
        {error && (
          <details open>
            <summary className="muted">traceback</summary>
            <pre>{error}</pre>
          </details>
        )}
        {metadata.length > 0 && <Metadata entries={metadata} />}
      </div>
    </>
  );
}

function errorOf(payload: Record<string, unknown>): string | null {
  const error = payload.error as { stack?: unknown; cause?: unknown } | null | undefined;
  if (typeof error !== "object" || error === null || typeof error.stack !== "string" || !error.stack)
    return null;
  const cause = errorOf({ error: error.cause });
  return cause ? `${error.stack}\nraised from\n${cause}` : error.stack;
}
