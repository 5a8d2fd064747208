/** One WebSocket for every subscription of the page; whoever subscribes again after a break names what it saw last. */
import { type Client, createClient } from "graphql-ws";
import { address } from "./client";

let client: Client | undefined;

function shared(): Client {
  client ??= createClient({
    url: () => address("graphql").replace(/^http/, "ws"),
    retryAttempts: 0, // the caller resumes from the last event it saw, which only it knows
    lazyCloseTimeout: 5000,
  });
  return client;
}

export type LiveState = "live" | "catching-up" | "polling" | "offline" | "ended";

/** Runs a subscription once; resolves true when the server completed it, false when the connection broke. */
export function subscribeOnce<Data>(
  query: string,
  variables: Record<string, unknown>,
  next: (data: Data) => void,
): { done: Promise<boolean>; stop: () => void } {
  let stop = () => {};
  const done = new Promise<boolean>((resolve) => {
    stop = shared().subscribe<Data>(
      { query, variables },
      {
        next: (message) => {
          if (message.data) next(message.data);
        },
        error: () => resolve(false),
        complete: () => resolve(true),
      },
    );
  });
  return { done, stop: () => stop() };
}
