"use strict";

const EXAMPLES = {
  "Locations and jobs": `query Locations {
  locations {
    namespace name isServing
    loadFailure { reason message }
    jobs { name description }
    declaredJobs { name jobName }
  }
}`,
  "Newest runs": `query Runs {
  runs(first: 10) {
    runs { runId jobName status creationTime startTime endTime message }
    endCursor hasMore
  }
}`,
  "One run": `query Run($runId: ID!) {
  run(runId: $runId) {
    runId jobName status reason message
    steps {
      stepKey status reason waitingReason waitingMessage
      attempts {
        number status
        moments { ready created running userCode bodyEnded committed }
        outcome { reason message error { className message stack } }
        computeLog(stream: STDOUT) { text nextOffset length }
      }
    }
    events(first: 50) { events { number eventType timestamp stepKey message } nextAfter hasMore }
  }
}`,
  "Launch a run": `mutation Launch($params: LaunchParams!) {
  launchRun(params: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId status } isNew }
    ... on RunConfigInvalid { errors { path message code } }
    ... on Error { message }
  }
}`,
};

const VARIABLES = {
  "One run": { runId: "" },
  "Launch a run": { params: { job: { jobName: "" }, runConfig: {} } },
};

const element = (id) => document.getElementById(id);
const endpoint = new URL("graphql", location.href.replace(/\/graphql\/?([?#].*)?$/, "/"));

function choose(name) {
  element("query").value = EXAMPLES[name];
  element("variables").value = JSON.stringify(VARIABLES[name] ?? {}, null, 2);
}

async function send() {
  const answer = element("answer");
  let variables;
  try {
    variables = JSON.parse(element("variables").value || "{}");
  } catch (error) {
    answer.textContent = `Variables are not JSON: ${error.message}`;
    return;
  }
  answer.textContent = "Waiting…";
  try {
    const reply = await fetch(endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: element("query").value, variables }),
    });
    const text = await reply.text();
    try {
      answer.textContent = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      answer.textContent = `${reply.status}: ${text}`;
    }
  } catch (error) {
    answer.textContent = `The server did not answer: ${error.message}`;
  }
}

async function loadSchema() {
  const shown = element("schema");
  const reply = await fetch(new URL("graphql/schema.graphql", endpoint));
  const blocks = (await reply.text()).split(/\n(?=(?:"""|type |input |enum |union |interface |scalar ))/);
  const show = () => {
    const wanted = element("search").value.toLowerCase();
    shown.textContent = blocks.filter((block) => block.toLowerCase().includes(wanted)).join("\n");
  };
  element("search").addEventListener("input", show);
  show();
}

for (const name of Object.keys(EXAMPLES)) {
  element("examples").add(new Option(name));
}
element("examples").addEventListener("change", (event) => choose(event.target.value));
element("send").addEventListener("click", send);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") send();
});
choose(Object.keys(EXAMPLES)[0]);
loadSchema();
