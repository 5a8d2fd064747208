import { graphql } from "../../api/__generated__";
import type { RunDetailQuery, RunEventsQuery, StepDetailQuery } from "../../api/__generated__/graphql";

export const RUN_DETAIL = graphql(`
  query RunDetail($runId: ID!) {
    run(runId: $runId) {
      runId jobName jobResource location { namespace name } status tags { key value } priority launchedBy image definitionsHash
      objectName parentRunId rootRunId reason message queuedReason creationTime dequeueTime startTime endTime cancelRequestTime
      isFinished canTerminate eventCount
      steps {
        stepKey index upstreamKeys status reason message waitingReason waitingMessage retryTime startTime endTime
        attempts {
          number status
          moments { ready slot created running userCode bodyEnded committed }
          outcome { status timestamp reason message }
        }
      }
    }
  }
`);

export const STEP_DETAIL = graphql(`
  query StepDetail($runId: ID!, $stepKey: String!) {
    run(runId: $runId) {
      step(stepKey: $stepKey) {
        stepKey opName description tags { key value } upstreamKeys status reason message waitingReason waitingMessage
        attempts {
          number status workerName workerId
          moments { ready slot created running userCode bodyEnded committed }
          outcome {
            status source timestamp reason message exitCode
            error { className message stack causes { className message stack } }
            outputs { name mappingKey }
          }
        }
      }
    }
  }
`);

export const RUN_EVENTS = graphql(`
  query RunEvents($runId: ID!, $after: Int!, $stepKey: String, $types: [EventType!]) {
    run(runId: $runId) {
      eventCount
      events(after: $after, first: 200, stepKey: $stepKey, types: $types) {
        events { number eventType timestamp message stepKey attempt payload }
        nextAfter
        hasMore
      }
    }
  }
`);

export const RUN_CONFIG = graphql(`
  query RunConfig($runId: ID!) {
    run(runId: $runId) { runConfig jobName }
  }
`);

export const LOG_PIECE = graphql(`
  query LogPiece($runId: ID!, $stepKey: String!, $stream: LogStream!, $offset: Int!, $limit: Int!) {
    run(runId: $runId) {
      step(stepKey: $stepKey) {
        attempts { number computeLog(stream: $stream, offset: $offset, limit: $limit) { text offset nextOffset length } }
      }
    }
  }
`);

// A subscription is sent over the socket as text.
export const FOLLOW_EVENTS = `
  subscription FollowEvents($runId: ID!, $after: Int!) {
    runEvents(runId: $runId, after: $after) { number eventType timestamp message stepKey attempt payload }
  }
`;

export type RunData = NonNullable<RunDetailQuery["run"]>;
export type StepData = RunData["steps"][number];
export type AttemptData = StepData["attempts"][number];
export type StepDetailData = NonNullable<NonNullable<StepDetailQuery["run"]>["step"]>;
export type EventData = NonNullable<RunEventsQuery["run"]>["events"]["events"][number];
