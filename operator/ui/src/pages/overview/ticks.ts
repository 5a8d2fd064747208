/** Where a time axis has its labels. */
import { clock, isoDate } from "../../util/format";

const STEPS = [1, 5, 15, 30, 60, 180, 360, 720, 1440].map((minutes) => minutes * 60_000);

/** At most nine round moments between *start* and *end*, labelled in *zone*. */
export function ticks(start: number, end: number, zone: string): { at: number; label: string }[] {
  const step = STEPS.find((each) => (end - start) / each <= 8) ?? 7 * 86_400_000;
  const found = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) {
    const date = new Date(at);
    const label = step >= 86_400_000 ? isoDate(date, zone).slice(5) : clock(date, zone).slice(0, 5);
    found.push({ at, label });
  }
  return found;
}
