"""Every GraphQL document that the command line sends; ``schema.graphql`` of the web role says what there is to ask."""

from __future__ import annotations

_RUN_FIELDS = """
  runId jobName jobResource location { namespace name } status tags { key value } priority launchedBy
  reason message queuedReason creationTime dequeueTime startTime endTime cancelRequestTime isFinished canTerminate
"""

_STEP_FIELDS = """
  stepKey opName upstreamKeys status reason message waitingReason waitingMessage retryTime startTime endTime
  attempts {
    number status workerName
    moments { ready slot created running userCode bodyEnded committed }
    outcome {
      status source timestamp reason message exitCode
      error { className message stack causes { className message stack } }
      outputs { name mappingKey }
    }
  }
"""

RUN = f"""query Run($runId: ID!) {{
  run(runId: $runId) {{ {_RUN_FIELDS} parentRunId rootRunId objectName image steps {{ {_STEP_FIELDS} }} }}
}}"""

RUN_WITH_CONFIG = f"""query Run($runId: ID!) {{
  run(runId: $runId) {{
    {_RUN_FIELDS} parentRunId rootRunId objectName image runConfig steps {{ {_STEP_FIELDS} }}
  }}
}}"""

RUN_HEADER = f"query Run($runId: ID!) {{ run(runId: $runId) {{ {_RUN_FIELDS} }} }}"

EVENT_PAGE = 200
"""Events per request. Lengths stand in the documents themselves: the server counts a variable as the most it may be."""


def runs(first: int) -> str:
    """Return the document that lists the next *first* runs."""
    return f"""query Runs($filter: RunsFilter, $after: ID) {{
  runs(filter: $filter, first: {first:d}, after: $after) {{
    runs {{ {_RUN_FIELDS} stepCounts {{ status count }} }} endCursor hasMore
  }}
}}"""


EVENTS = f"""query Events($runId: ID!, $after: Int!, $stepKey: String) {{
  run(runId: $runId) {{
    isFinished
    events(after: $after, first: {EVENT_PAGE}, stepKey: $stepKey) {{
      events {{ number eventType timestamp message stepKey attempt payload }} nextAfter hasMore
    }}
  }}
}}"""

NOTED_EVENTS = f"""query Notes($runId: ID!, $after: Int!) {{
  run(runId: $runId) {{
    events(after: $after, first: {EVENT_PAGE}, types: [STEP_UP_FOR_RETRY, ENGINE_EVENT]) {{
      events {{ eventType message stepKey payload }} nextAfter hasMore
    }}
  }}
}}"""

OUTPUT_EVENTS = f"""query Outputs($runId: ID!, $after: Int!, $stepKey: String!) {{
  run(runId: $runId) {{
    events(after: $after, first: {EVENT_PAGE}, stepKey: $stepKey, types: [HANDLED_OUTPUT]) {{
      events {{ payload }} nextAfter hasMore
    }}
  }}
}}"""

COMPUTE_LOG = """query ComputeLog($runId: ID!, $stepKey: String!, $stream: LogStream!, $offset: Int!, $limit: Int!) {
  run(runId: $runId) {
    isFinished
    step(stepKey: $stepKey) {
      status
      attempts { number status computeLog(stream: $stream, offset: $offset, limit: $limit) { text nextOffset length } }
    }
  }
}"""

RUN_STEP_KEYS = "query Steps($runId: ID!) { run(runId: $runId) { steps { stepKey status attempts { number } } } }"

JOBS = """query Jobs($namespace: String, $location: String) {
  jobs(namespace: $namespace, locationName: $location) {
    name location { namespace name } description requiresConfig tags { key value } steps { stepKey }
  }
  declaredJobs(namespace: $namespace) {
    namespace name locationName jobName priority tags { key value } maxConcurrentRuns
  }
}"""

JOB = """query Job($namespace: String, $location: String) {
  jobs(namespace: $namespace, locationName: $location) {
    name location { namespace name } description requiresConfig tags { key value } definitionsHash
    steps { stepKey opName description upstreamKeys }
  }
  declaredJobs(namespace: $namespace) { namespace name locationName jobName }
}"""

JOB_NAMES = "query JobNames { jobs { name description } declaredJobs { name jobName } }"

LOCATION_NAMES = "query LocationNames { locations { namespace name } }"

LAUNCH = f"""mutation Launch($params: LaunchParams!) {{
  launchRun(params: $params) {{
    __typename
    ... on LaunchRunSuccess {{ isNew run {{ {_RUN_FIELDS} }} }}
    ... on RunConfigInvalid {{ message errors {{ path message code }} }}
    ... on Error {{ message }}
  }}
}}"""

REEXECUTE = f"""mutation Reexecute($params: ReexecutionParams!) {{
  launchReexecution(params: $params) {{
    __typename
    ... on LaunchRunSuccess {{ isNew run {{ {_RUN_FIELDS} }} }}
    ... on Error {{ message }}
  }}
}}"""

TERMINATE = f"""mutation Terminate($runId: ID!, $requestedBy: String!) {{
  terminateRun(runId: $runId, requestedBy: $requestedBy) {{
    __typename
    ... on TerminateRunSuccess {{ isNew run {{ {_RUN_FIELDS} }} }}
    ... on RunFinished {{ message run {{ {_RUN_FIELDS} }} }}
    ... on Error {{ message }}
  }}
}}"""

SCAFFOLD = """query Scaffold($job: JobSelector!) {
  scaffoldRunConfig(job: $job) { __typename ... on RunConfigScaffold { yaml } ... on Error { message } }
}"""

_LOCATION_FIELDS = """
  namespace name image isServing definitionsHash runtimeVersion loadSeconds loadedTime updateTime
  loadFailure { reason message traceback output } assets schedules sensors
"""

LOCATIONS = f"""query Locations($namespace: String) {{
  locations(namespace: $namespace) {{ {_LOCATION_FIELDS} jobs {{ name description requiresConfig }} }}
}}"""

_ASSET_EVENT_FIELDS = """
  eventId kind timestamp runId stepKey description metadata tags { key value } dataVersion codeVersion checkName passed severity
"""

_ASSET_FIELDS = f"""
  key group description locations {{ namespace name }} owners kinds tags {{ key value }} codeVersion isExternal isObservable
  jobNames upstreamKeys downstreamKeys staleStatus staleCauses {{ category reason dependency }} dataVersion
  latestMaterialization {{ {_ASSET_EVENT_FIELDS} }} latestObservation {{ {_ASSET_EVENT_FIELDS} }}
  checks {{ name description isBlocking lastEvaluation {{ {_ASSET_EVENT_FIELDS} }} }}
"""

ASSETS = f"""query Assets($filter: AssetsFilter, $after: String) {{
  assets(filter: $filter, first: 500, after: $after) {{ assets {{ {_ASSET_FIELDS} }} endCursor hasMore }}
}}"""

ASSET = f"""query Asset($key: String!) {{
  asset(key: $key) {{ {_ASSET_FIELDS} history(first: 10) {{ events {{ {_ASSET_EVENT_FIELDS} }} }} }}
}}"""

ASSET_LINEAGE = """query AssetLineage($after: String) {
  assets(first: 1000, after: $after) {
    assets { key locations { namespace name } upstreamKeys downstreamKeys staleStatus isExternal } endCursor hasMore
  }
}"""

REPORT_ASSET = f"""mutation ReportAsset($report: AssetReportInput!) {{
  reportAsset(report: $report) {{
    __typename ... on AssetReported {{ event {{ {_ASSET_EVENT_FIELDS} }} }} ... on Error {{ message }}
  }}
}}"""

WIPE_ASSET = "mutation WipeAsset($key: String!) { wipeAsset(key: $key) { key wasKnown } }"

VERSION = "query Version { version instance { databaseKind queueLength } }"

_INSTIGATOR_FIELDS = """
  kind namespace locationName name description jobNames jobResource isRunning declaredAs problem crons timeZone
  intervalSeconds cursor lastRunKey
"""

INSTIGATORS = f"""query Instigators($kind: InstigatorKind!, $namespace: String, $name: String) {{
  instigators(kind: $kind, namespace: $namespace, name: $name) {{
    {_INSTIGATOR_FIELDS} nextTicks(first: 10)
    ticks(first: 1) {{ ticks {{ timestamp status error }} }}
  }}
}}"""

TICKS = """query Ticks($kind: InstigatorKind!, $namespace: String, $name: String) {
  instigators(kind: $kind, namespace: $namespace, name: $name) {
    namespace locationName name
    ticks(first: 50) { ticks { timestamp status startTime endTime skipReason error traceback runCount runIds } }
  }
}"""

SET_RUNNING = f"""mutation SetRunning($instigator: InstigatorSelector!, $isRunning: Boolean!) {{
  setInstigatorRunning(instigator: $instigator, isRunning: $isRunning) {{
    __typename ... on Instigator {{ {_INSTIGATOR_FIELDS} }} ... on Error {{ message }}
  }}
}}"""

SET_CURSOR = f"""mutation SetCursor($instigator: InstigatorSelector!, $cursor: String) {{
  setSensorCursor(instigator: $instigator, cursor: $cursor) {{
    __typename ... on Instigator {{ {_INSTIGATOR_FIELDS} }} ... on Error {{ message }}
  }}
}}"""
