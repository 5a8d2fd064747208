import { expect, it } from "vitest";
import { cronWords } from "./cron";

it.each([
  ["0 6 * * *", "every day at 06:00"],
  ["5 6 * * 1", "every Monday at 06:05"],
  ["5 6 * * 7", "every Sunday at 06:05"],
  ["30 7 * * 1-5", "Monday to Friday at 07:30"],
  ["0 0 1 * *", "on day 1 of each month at 00:00"],
  ["* * * * *", "every minute"],
  ["*/15 * * * *", "every 15 minutes"],
  ["3 * * * *", "every hour at minute 3"],
  ["@daily", "every day at 00:00"],
])("%s is %s", (cron, words) => expect(cronWords(cron)).toBe(words));

it.each(["*/7 * * * *", "0 6 1 * 1", "0 6 * 2 *", "0 6,18 * * *", "0 6 * * 1#2", "@yearly", "", "nonsense"])(
  "%s is left as it stands",
  (cron) => expect(cronWords(cron)).toBe(cron),
);
