/** Which address shows which page. Search parameters are plain text: what people see in the address is what they can write. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  type SearchSchemaInput,
} from "@tanstack/react-router";
import { Frame } from "./ui/Frame";
import { Empty } from "./ui/parts";

export type Search = Record<string, string | undefined>;

const root = createRootRoute({
  component: Frame,
  validateSearch: (search: Search & SearchSchemaInput): Search => search,
  notFoundComponent: () => (
    <Empty title="There is no such page">
      The address may be of an older or newer version. <kbd>Ctrl-K</kbd> finds runs, jobs and locations.
    </Empty>
  ),
});

const page = <Path extends string>(path: Path, load: () => Promise<Record<string, unknown>>, name: string) =>
  createRoute({
    getParentRoute: () => root,
    path,
    // The module's type is known where it is written; here only its name matters.
    component: lazyRouteComponent(load as () => Promise<Record<string, never>>, name),
  });

const overview = page("/", () => import("./pages/overview/OverviewPage"), "OverviewPage");
const runs = page("/runs", () => import("./pages/runs/RunsPage"), "RunsPage");
const run = page("/runs/$runId", () => import("./pages/run/RunPage"), "RunPage");
const jobs = page("/jobs", () => import("./pages/jobs/JobsPage"), "JobsPage");
const job = page("/jobs/$location/$job", () => import("./pages/job/JobPage"), "JobPage");
const launchpad = page(
  "/jobs/$location/$job/launchpad",
  () => import("./pages/launchpad/LaunchpadPage"),
  "LaunchpadPage",
);
// With its slash it is the index: without, the address of one asset would match the catalogue's with an empty key.
const assets = page("/assets/", () => import("./pages/assets/AssetsPage"), "AssetsPage");
const asset = page("/assets/$", () => import("./pages/assets/AssetPage"), "AssetPage");
const automation = page("/automation", () => import("./pages/automation/AutomationPage"), "AutomationPage");
const instigator = page(
  "/automation/$kind/$location/$name",
  () => import("./pages/automation/InstigatorPage"),
  "InstigatorPage",
);
const deploymentHome = createRoute({
  getParentRoute: () => root,
  path: "/deployment",
  beforeLoad: () => {
    throw redirect({ to: "/deployment/$view", params: { view: "locations" } });
  },
});
const deployment = page(
  "/deployment/$view",
  () => import("./pages/deployment/DeploymentPage"),
  "DeploymentPage",
);
const settings = page("/settings", () => import("./pages/settings/SettingsPage"), "SettingsPage");

const tree = root.addChildren([
  overview,
  runs,
  run,
  jobs,
  job,
  launchpad,
  assets,
  asset,
  automation,
  instigator,
  deploymentHome,
  deployment,
  settings,
]);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    basepath: new URL(document.baseURI).pathname,
    defaultPreload: "intent",
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const parameters = new URLSearchParams();
      for (const [name, value] of Object.entries(search)) {
        if (value !== undefined && value !== "") parameters.set(name, String(value));
      }
      const text = parameters.toString();
      return text && `?${text}`;
    },
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
