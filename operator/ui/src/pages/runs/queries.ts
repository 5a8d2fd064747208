import { graphql } from "../../api/__generated__";

export const RUNS = graphql(`
  query Runs($filter: RunsFilter, $after: ID) {
    runs(filter: $filter, first: 25, after: $after) {
      runs {
        runId jobName location { namespace name } status tags { key value } launchedBy reason message queuedReason
        creationTime startTime endTime canTerminate
      }
      endCursor
      hasMore
    }
    instance { runCounts { status count } }
  }
`);

export const TERMINATE = graphql(`
  mutation Terminate($runId: ID!) {
    terminateRun(runId: $runId, requestedBy: "the web UI") {
      __typename
      ... on TerminateRunSuccess { run { runId status } isNew }
      ... on RunFinished { message }
      ... on RunNotFound { message }
    }
  }
`);
