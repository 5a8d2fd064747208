/** Numbers, sizes, durations and moments as the UI writes them: exact, short, the same everywhere. */

export function duration(milliseconds: number): string {
  if (milliseconds < 0) return "0 ms";
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

type Parts = { year: string; month: string; day: string; hour: string; minute: string; second: string };
const formats = new Map<string, Intl.DateTimeFormat>();

function partsOf(moment: Date, zone: string): Parts {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      year: "numeric",
      month: "short",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone, format);
  }
  return Object.fromEntries(format.formatToParts(moment).map((part) => [part.type, part.value])) as Parts;
}

/** `09:41:07` today, `Nov 21 09:41` this year, the date before that. */
export function moment(at: Date, now: Date, zone: string): string {
  const own = partsOf(at, zone);
  const today = partsOf(now, zone);
  if (own.year !== today.year) return `${isoDate(at, zone)} ${own.hour}:${own.minute}`;
  if (own.month === today.month && own.day === today.day) return `${own.hour}:${own.minute}:${own.second}`;
  return `${own.month} ${own.day} ${own.hour}:${own.minute}`;
}

export function clock(at: Date, zone: string): string {
  const own = partsOf(at, zone);
  return `${own.hour}:${own.minute}:${own.second}.${String(at.getUTCMilliseconds()).padStart(3, "0")}`;
}

export function isoDate(at: Date, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short" }).format(at);
}

/** What the tooltip of a moment says: with offset, in UTC, and how long ago. */
export function fullMoment(at: Date, now: Date, zone: string): string {
  const offset = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" })
    .formatToParts(at)
    .find((part) => part.type === "timeZoneName")?.value;
  const distance = now.getTime() - at.getTime();
  const relative = distance >= 0 ? `${duration(distance)} ago` : `in ${duration(-distance)}`;
  return `${isoDate(at, zone)} ${clock(at, zone)} ${offset} (${zone})\n${at.toISOString()}\n${relative}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
