import { graphql } from "../../api/__generated__";
import type { InstigatorQuery, InstigatorsQuery } from "../../api/__generated__/graphql";
import { locationId, parseLocationId } from "../../util/locations";

export const INSTIGATORS = graphql(`
  query Instigators {
    instigators {
      kind namespace locationName name description jobNames jobResource isRunning declaredAs problem
      crons timeZone intervalSeconds nextTicks(first: 1)
      ticks(first: 1) { ticks { timestamp status skipReason error runCount runIds } }
    }
  }
`);

export const INSTIGATOR_DETAIL = graphql(`
  query Instigator($kind: InstigatorKind!, $namespace: String!, $name: String!, $before: DateTime) {
    instigators(kind: $kind, namespace: $namespace, name: $name) {
      kind namespace locationName name description jobNames jobResource isRunning declaredAs problem
      crons timeZone intervalSeconds cursor lastRunKey nextTicks(first: 5)
      ticks(first: 25, before: $before) {
        ticks {
          timestamp status startTime endTime skipReason error traceback runCount runIds
          logs { timestamp level message }
        }
        endCursor
        hasMore
      }
    }
  }
`);

export const SET_RUNNING = graphql(`
  mutation SetInstigatorRunning($instigator: InstigatorSelector!, $isRunning: Boolean!) {
    setInstigatorRunning(instigator: $instigator, isRunning: $isRunning) {
      __typename
      ... on Error { message }
    }
  }
`);

export const SET_CURSOR = graphql(`
  mutation SetSensorCursor($instigator: InstigatorSelector!, $cursor: String) {
    setSensorCursor(instigator: $instigator, cursor: $cursor) {
      __typename
      ... on Error { message }
    }
  }
`);

export type InstigatorRowData = InstigatorsQuery["instigators"][number];
export type InstigatorData = InstigatorQuery["instigators"][number];
export type TickData = InstigatorData["ticks"]["ticks"][number];

type Named = Pick<InstigatorRowData, "kind" | "namespace" | "locationName" | "name">;

export function selectorOf({ kind, namespace, locationName, name }: Named) {
  return { kind, namespace, locationName: locationName ?? null, name };
}

/** Where its page is; one that is declared without code has a location without a name. */
export function addressOf({ kind, namespace, locationName, name }: Named) {
  const location = locationName ? locationId({ namespace, name: locationName }) : `${namespace}~`;
  return { kind: kind === "SCHEDULE" ? "schedules" : "sensors", location, name };
}

export function fromAddress(kind: string, location: string, name: string): Named {
  const place = parseLocationId(location);
  return {
    kind: kind === "sensors" ? "SENSOR" : "SCHEDULE",
    namespace: place.namespace,
    locationName: place.name || null,
    name,
  };
}
