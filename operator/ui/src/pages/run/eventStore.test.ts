import { expect, it } from "vitest";
import { EventStore, type Source } from "./eventStore";
import type { EventData } from "./queries";

const event = (number: number): EventData => ({
  number,
  eventType: "LOG_MESSAGE",
  timestamp: "2026-11-21T00:00:00Z",
  message: `m${number}`,
  stepKey: null,
  attempt: null,
  payload: {},
});
const until = async (isTrue: () => boolean) => {
  for (let turn = 0; turn < 400 && !isTrue(); turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isTrue()).toBe(true);
};

it("goes on from the last event after a break, and loses and doubles none", async () => {
  const askedAfter: number[] = [];
  let connection = 0;
  const source: Source = {
    page: async () => ({ events: [], total: 0 }),
    follow: (after, next) => {
      askedAfter.push(after);
      connection += 1;
      if (connection === 1) {
        next(event(5));
        next(event(6));
        return { done: Promise.resolve(false), stop: () => {} }; // the connection breaks here
      }
      next(event(6)); // a server may send the last one again
      next(event(7));
      return { done: Promise.resolve(true), stop: () => {} };
    },
  };
  const store = new EventStore(source);
  store.start(5, false);
  await until(() => store.state === "ended");
  expect(askedAfter).toEqual([4, 6]);
  expect(store.total).toBe(8);
  expect([5, 6, 7].map((number) => store.at(number)?.message)).toEqual(["m5", "m6", "m7"]);
});

it("polls while there is no WebSocket", async () => {
  let stored = 0;
  const source: Source = {
    page: async (after) => {
      stored += 1;
      return { events: [event(after + 1)], total: after + 2 };
    },
    follow: () => ({ done: Promise.resolve(false), stop: () => {} }),
  };
  const store = new EventStore(source);
  store.start(0, false);
  await until(() => store.total >= 2);
  store.stop();
  expect(stored).toBeGreaterThanOrEqual(2);
});

it("fetches what is looked at, a window at a time", async () => {
  const windows: number[] = [];
  const source: Source = {
    page: async (after) => {
      windows.push(after);
      return { events: Array.from({ length: 200 }, (_, i) => event(after + 1 + i)), total: 100_000 };
    },
    follow: () => ({ done: Promise.resolve(true), stop: () => {} }),
  };
  const store = new EventStore(source);
  store.start(100_000, true);
  expect(store.at(50_123)).toBeUndefined();
  expect(store.at(50_124)).toBeUndefined();
  await until(() => store.at(50_123) !== undefined);
  expect(windows).toEqual([49_999]);
});
