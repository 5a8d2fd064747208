// Fails when a route loads more script than it may: what its first view needs, compressed as it is sent.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const STATIC = new URL("../../opweave_operator/static/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("manifest.json", STATIC), "utf8"));
const SHELL = "index.html";
const BUDGETS = {
  [SHELL]: 200,
  "src/pages/overview/OverviewPage.tsx": 240,
  "src/pages/runs/RunsPage.tsx": 240,
  "src/pages/assets/AssetsPage.tsx": 240,
  "src/pages/assets/AssetPage.tsx": 270,
  "src/pages/automation/AutomationPage.tsx": 240,
  "src/pages/deployment/DeploymentPage.tsx": 240,
  "src/pages/run/RunPage.tsx": 270,
  "src/pages/launchpad/LaunchpadPage.tsx": 390,
};
const LARGEST_ROUTE = 400;

function scripts(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const imported of manifest[name].imports ?? []) scripts(imported, seen);
  return seen;
}

const kilobytes = (names) =>
  [...names].reduce(
    (sum, name) => sum + gzipSync(readFileSync(new URL(manifest[name].file, STATIC))).length / 1000,
    0,
  );

let isOver = false;
const routes = Object.keys(manifest).filter(
  (name) => name === SHELL || /src\/pages\/.*Page\.tsx$/.test(name),
);
for (const name of routes) {
  const used = kilobytes(new Set([...scripts(SHELL), ...scripts(name)]));
  const budget = BUDGETS[name] ?? LARGEST_ROUTE;
  isOver ||= used > budget;
  process.stdout.write(
    `${used > budget ? "OVER " : "     "}${used.toFixed(0).padStart(4)} of ${budget} kB  ${name}\n`,
  );
}
if (routes.length < Object.keys(BUDGETS).length)
  throw new Error("the manifest lacks routes that have a budget");
process.exit(isOver ? 1 : 0);
