/** Cron expressions as people say them. */

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const ALIASES: Record<string, string> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
};

/** *cron* in words where it is one of the usual forms, else as it stands. */
export function cronWords(cron: string): string {
  const [minute = "", hour = "", day = "", month = "", weekday = "", ...rest] = (ALIASES[cron] ?? cron)
    .trim()
    .split(/\s+/);
  if (month !== "*" || rest.length) return cron;
  if (hour === "*" && day === "*" && weekday === "*") return withinHour(minute) ?? cron;
  if (!/^\d{1,2}$/.test(minute) || !/^\d{1,2}$/.test(hour)) return cron;
  const time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (day === "*" && weekday === "*") return `every day at ${time}`;
  if (day === "*" && weekday === "1-5") return `Monday to Friday at ${time}`;
  if (day === "*" && /^[0-7]$/.test(weekday)) return `every ${DAYS[Number(weekday)]} at ${time}`;
  if (weekday === "*" && /^\d{1,2}$/.test(day)) return `on day ${day} of each month at ${time}`;
  return cron;
}

function withinHour(minute: string): string | null {
  if (minute === "*" || minute === "*/1") return "every minute";
  const step = /^\*\/(\d{1,2})$/.exec(minute)?.[1];
  // A step that does not divide the hour begins anew at each hour: "every 7 minutes" would be wrong.
  if (step && 60 % Number(step) === 0) return `every ${Number(step)} minutes`;
  if (/^\d{1,2}$/.test(minute)) return `every hour at minute ${Number(minute)}`;
  return null;
}
