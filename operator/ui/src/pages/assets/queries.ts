import { graphql } from "../../api/__generated__";
import type { AssetQuery, AssetsQuery } from "../../api/__generated__/graphql";

export const ASSETS = graphql(`
  query Assets($filter: AssetsFilter, $after: String) {
    assets(filter: $filter, first: 100, after: $after) {
      assets {
        key group description kinds locations { namespace name } isExternal
        staleStatus staleCauses { category reason dependency }
        latestMaterialization { timestamp runId }
        checks { name lastEvaluation { passed } }
      }
      endCursor
      hasMore
    }
  }
`);

export const ASSET = graphql(`
  query Asset($key: String!, $before: ID) {
    asset(key: $key) {
      key group description locations { namespace name } owners kinds tags { key value } codeVersion isExternal
      jobNames upstreamKeys downstreamKeys staleStatus staleCauses { category reason dependency } dataVersion
      latestMaterialization { ...Entry }
      checks { name description isBlocking lastEvaluation { ...Entry } }
      history(first: 25, before: $before) { events { ...Entry } endCursor hasMore }
    }
  }
  fragment Entry on AssetEvent {
    eventId kind timestamp runId stepKey description metadata dataVersion checkName passed severity
  }
`);

export const MATERIALIZE = graphql(`
  mutation Materialize($params: LaunchParams!) {
    launchRun(params: $params) {
      __typename
      ... on LaunchRunSuccess { run { runId } }
      ... on Error { message }
    }
  }
`);

export type AssetRowData = AssetsQuery["assets"]["assets"][number];
export type AssetData = NonNullable<AssetQuery["asset"]>;
export type EntryData = AssetData["history"]["events"][number];
