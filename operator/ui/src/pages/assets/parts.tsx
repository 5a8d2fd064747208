/** What the catalogue and the page of one asset share. */
import { Link } from "@tanstack/react-router";
import { StatusIcon } from "../../ui/StatusIcon";
import { ASSET_EXTERNAL, STALE } from "../../ui/status";
import type { AssetRowData } from "./queries";

export function AssetLink({ name }: { name: string }) {
  return (
    <Link to="/assets/$" params={{ _splat: name }}>
      {name}
    </Link>
  );
}

type Standing = Pick<AssetRowData, "isExternal" | "staleStatus" | "staleCauses" | "latestMaterialization">;

/** How an asset stands to its code and inputs, and why. */
export function Standing({ of: asset, most = 3 }: { of: Standing; most?: number }) {
  // Nothing here writes an external asset, so it is not missing before somebody reports it.
  const isUntold = asset.isExternal && !asset.latestMaterialization;
  return (
    <>
      <StatusIcon look={isUntold ? ASSET_EXTERNAL : STALE[asset.staleStatus]} hasWord />
      {asset.staleCauses.slice(0, most).map((cause) => (
        <div className="secondary" key={`${cause.category}${cause.dependency}${cause.reason}`}>
          {cause.reason}
          {cause.dependency && (
            <>
              {": "}
              <AssetLink name={cause.dependency} />
            </>
          )}
        </div>
      ))}
      {asset.staleCauses.length > most && (
        <div className="muted">+{asset.staleCauses.length - most} more</div>
      )}
    </>
  );
}

export function RunLink({ runId }: { runId: string | null | undefined }) {
  if (!runId) return <span className="muted">reported from outside</span>;
  return (
    <Link className="mono" to="/runs/$runId" params={{ runId }} aria-label={`run ${runId}`}>
      {runId.slice(0, 8)}
    </Link>
  );
}
