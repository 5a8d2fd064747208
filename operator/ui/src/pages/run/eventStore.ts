/**
 * The log of one run: random access by the gapless number of an event, live at its end.
 *
 * The subscription goes on from the last number that was seen, so a broken connection loses nothing; an event that comes twice
 * has the same number and is kept once. Without a WebSocket the same is asked every two seconds.
 */
import { ask } from "../../api/client";
import { type LiveState, subscribeOnce } from "../../api/live";
import { type EventData, FOLLOW_EVENTS, RUN_EVENTS } from "./queries";

const WINDOW = 200;
const FLUSH_MILLISECONDS = 200;
const POLL_MILLISECONDS = 2_000;

export type Source = {
  page: (after: number) => Promise<{ events: EventData[]; total: number }>;
  follow: (after: number, next: (event: EventData) => void) => { done: Promise<boolean>; stop: () => void };
};

export function serverSource(runId: string): Source {
  return {
    page: async (after) => {
      const { run } = await ask(RUN_EVENTS, { runId, after });
      return { events: run?.events.events ?? [], total: run?.eventCount ?? 0 };
    },
    follow: (after, next) =>
      subscribeOnce<{ runEvents: EventData }>(FOLLOW_EVENTS, { runId, after }, (data) =>
        next(data.runEvents),
      ),
  };
}

export class EventStore {
  total = 0;
  state: LiveState = "catching-up";
  version = 0;
  private readonly events = new Map<number, EventData>();
  private readonly asked = new Set<number>();
  private readonly listeners = new Set<() => void>();
  private isStopped = false;
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private stopFollowing = () => {};

  constructor(private readonly source: Source) {}

  /** Begin at *total*: everything before is fetched when it is looked at. */
  start(total: number, isFinished: boolean): void {
    this.isStopped = false;
    this.total = Math.max(this.total, total);
    if (isFinished) this.setState("ended");
    else void this.followForever();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.flushTimer);
    this.flushTimer = undefined;
    this.stopFollowing();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The event, or undefined while it is fetched. */
  at(number: number): EventData | undefined {
    const found = this.events.get(number);
    if (!found && number < this.total) void this.fetchWindow(Math.floor(number / WINDOW));
    return found;
  }

  private async fetchWindow(window: number): Promise<void> {
    if (this.asked.has(window)) return;
    this.asked.add(window);
    try {
      const page = await this.source.page(window * WINDOW - 1);
      for (const event of page.events) this.events.set(event.number, event);
      this.total = Math.max(this.total, page.total);
      this.changed();
    } catch {
      // It is asked again when it is next looked at.
    }
    this.asked.delete(window);
  }

  private async followForever(): Promise<void> {
    let failures = 0;
    while (!this.isStopped) {
      this.setState(failures ? "catching-up" : "live");
      const before = this.total;
      const subscription = this.source.follow(this.total - 1, (event) => this.take(event));
      this.stopFollowing = subscription.stop;
      const isOver = await subscription.done;
      if (this.isStopped) return;
      if (isOver) return this.setState("ended");
      failures = this.total > before ? 1 : failures + 1;
      await this.poll();
      await new Promise((resolve) => setTimeout(resolve, failures < 3 ? 300 : POLL_MILLISECONDS));
    }
  }

  private async poll(): Promise<void> {
    try {
      const page = await this.source.page(this.total - 1);
      for (const event of page.events) this.take(event);
      this.setState("polling");
    } catch {
      this.setState("offline");
    }
  }

  private take(event: EventData): void {
    if (this.state !== "live" && this.state !== "polling") this.setState("live");
    this.events.set(event.number, event);
    this.total = Math.max(this.total, event.number + 1);
    this.flushTimer ??= setTimeout(() => {
      this.flushTimer = undefined;
      this.changed();
    }, FLUSH_MILLISECONDS);
  }

  private setState(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    this.changed();
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}
