import { expect, it } from "vitest";
import { addressOf, fromAddress } from "./queries";

it.each([
  { kind: "SCHEDULE", namespace: "local", locationName: "shop", name: "daily" },
  { kind: "SENSOR", namespace: "team-a", locationName: "shop", name: "files" },
  { kind: "SCHEDULE", namespace: "local", locationName: null, name: "declared" },
  { kind: "SCHEDULE", namespace: "team-a", locationName: null, name: "declared" },
] as const)("$kind $name of $namespace has an address that leads back to it", (one) => {
  const { kind, location, name } = addressOf(one);
  expect(location).not.toBe("");
  expect(fromAddress(kind, location, name)).toEqual(one);
});
