import { duration, fullMoment, moment } from "../util/format";
import { useNow } from "./now";
import { usePrefs, zoneOf } from "./prefs";

/** A moment; its tooltip gives the whole of it. */
export function Time({ at }: { at: string | null | undefined }) {
  const zone = zoneOf(usePrefs());
  if (!at) return <span className="muted">–</span>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={fullMoment(date, new Date(), zone)}>
      {moment(date, new Date(), zone)}
    </time>
  );
}

/** How long from one moment to another, or until now. */
export function Duration({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  const now = useNow(Boolean(from) && !to);
  if (!from) return <span className="muted">–</span>;
  const end = to ? new Date(to).getTime() : Math.max(now, new Date(from).getTime());
  return <span>{duration(end - new Date(from).getTime())}</span>;
}
