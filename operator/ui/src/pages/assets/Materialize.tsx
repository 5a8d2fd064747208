import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../../api/client";
import { Button } from "../../ui/parts";
import { type AssetData, MATERIALIZE } from "./queries";

/** Launches a run that makes the asset, and leads to it. */
export function Materialize({ asset }: { asset: AssetData }) {
  const navigate = useNavigate();
  const [problem, setProblem] = useState("");
  const [isSending, setSending] = useState(false);
  const location = asset.locations[0];
  const why =
    asset.isExternal || !location ? "Nothing here writes it: no code of a location makes it." : undefined;
  const launch = async () => {
    if (!location || isSending) return;
    setSending(true);
    try {
      const params = {
        job: { namespace: location.namespace, locationName: location.name },
        assetSelection: [`key:${JSON.stringify(asset.key)}`],
        launchedBy: "the web UI",
      };
      const { launchRun: result } = await ask(MATERIALIZE, { params });
      if (result.__typename === "LaunchRunSuccess")
        navigate({ to: "/runs/$runId", params: { runId: result.run.runId } });
      else setProblem(result.message);
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setSending(false);
    }
  };
  return (
    <>
      {problem && (
        <span className="error-text" role="alert">
          {problem}
        </span>
      )}
      <Button kind="primary" onClick={launch} disabledReason={why}>
        Materialize
      </Button>
    </>
  );
}
