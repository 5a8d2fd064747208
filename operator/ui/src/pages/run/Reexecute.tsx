import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { graphql } from "../../api/__generated__";
import { ask } from "../../api/client";
import { Button } from "../../ui/parts";
import type { RunData } from "./queries";

const REEXECUTE = graphql(`
  mutation Reexecute($params: ReexecutionParams!) {
    launchReexecution(params: $params) {
      __typename
      ... on LaunchRunSuccess { run { runId } }
      ... on Error { message }
    }
  }
`);

/** Runs again what failed and what did not run for it; what succeeded is taken from this run. */
export function ReexecuteFromFailure({ run }: { run: RunData }) {
  const navigate = useNavigate();
  const [problem, setProblem] = useState("");
  const again = async () => {
    try {
      const params = { parentRunId: run.runId, strategy: "FROM_FAILURE" as const, launchedBy: "the web UI" };
      const { launchReexecution: result } = await ask(REEXECUTE, { params });
      if (result.__typename === "LaunchRunSuccess")
        navigate({ to: "/runs/$runId", params: { runId: result.run.runId } });
      else setProblem(result.message);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <>
      {problem && (
        <span className="error-text" role="alert">
          {problem}
        </span>
      )}
      <Button onClick={again}>Re-execute from failure</Button>
    </>
  );
}
