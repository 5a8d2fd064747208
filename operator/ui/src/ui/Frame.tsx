import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import {
  Activity,
  Boxes,
  CalendarClock,
  Home,
  ListChecks,
  type LucideIcon,
  Search,
  Server,
  Settings,
  Workflow,
} from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { graphql } from "../api/__generated__";
import { address, ask } from "../api/client";
import { CommandPalette } from "./CommandPalette";
import { useKeys } from "./keys";
import { Shortcuts } from "./Shortcuts";

const FRAME = graphql(`
  query Frame {
    version
    instance { queueLength runCounts { status count } }
    locations { namespace name isServing loadFailure { reason } }
  }
`);

const PLACES: { to: string; name: string; icon: LucideIcon; key: string }[] = [
  { to: "/", name: "Overview", icon: Home, key: "o" },
  { to: "/runs", name: "Runs", icon: Activity, key: "r" },
  { to: "/assets", name: "Assets", icon: Boxes, key: "a" },
  { to: "/jobs", name: "Jobs", icon: Workflow, key: "j" },
  { to: "/automation", name: "Automation", icon: CalendarClock, key: "s" },
  { to: "/deployment/locations", name: "Deployment", icon: Server, key: "d" },
];

/** What stands around every page: the rail with the places, and what needs a person. */
export function Frame() {
  const navigate = useNavigate();
  const [isPaletteOpen, setPaletteOpen] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const went = useRef(0);
  const { data, error } = useQuery({
    queryKey: ["frame"],
    queryFn: ({ signal }) => ask(FRAME, {}, signal),
    refetchInterval: 5_000,
  });
  const broken = data?.locations.filter((location) => location.loadFailure).length ?? 0;
  const firstVersion = useRef<string>(undefined);
  firstVersion.current ??= data?.version;
  const isOutdated = Boolean(data && firstVersion.current !== data.version);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPaletteOpen(true);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const go = (key: string, otherwise?: () => void) => () => {
    const place = PLACES.find((each) => each.key === key);
    if (place && Date.now() - went.current < 1000) {
      went.current = 0;
      navigate({ to: place.to });
    } else otherwise?.();
  };
  useKeys({
    g: () => {
      went.current = Date.now();
    },
    ...Object.fromEntries(PLACES.map((place) => [place.key, go(place.key)])),
    "?": () => setHelpOpen(true),
    "/": () => document.querySelector<HTMLInputElement>("[data-filter]")?.focus(),
  });

  return (
    <div className="frame">
      <button type="button" className="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the page
      </button>
      <nav className="rail" aria-label="main">
        <span className="brand">opweave</span>
        {PLACES.map(({ to, name, icon: Icon }) => (
          <Link key={to} to={to} activeOptions={{ exact: to === "/" }} className="place" aria-label={name}>
            <Icon size={16} aria-hidden />
            <span className="place-name">{name}</span>
            {name === "Deployment" && broken > 0 && (
              <span className="badge failure" title={`${broken} code locations cannot be loaded`}>
                {broken}
              </span>
            )}
            {name === "Runs" && (data?.instance.queueLength ?? 0) > 0 && (
              <span className="badge" title={`${data?.instance.queueLength} runs wait to be started`}>
                {data?.instance.queueLength}
              </span>
            )}
          </Link>
        ))}
        <span className="grow" />
        <button type="button" className="place" onClick={() => setPaletteOpen(true)} aria-label="Search">
          <Search size={16} aria-hidden />
          <span className="place-name">Search</span>
          <kbd className="place-name">Ctrl-K</kbd>
        </button>
        <a className="place" href={address("graphql")} aria-label="GraphQL">
          <ListChecks size={16} aria-hidden />
          <span className="place-name">GraphQL</span>
        </a>
        <Link to="/settings" className="place" aria-label="Settings">
          <Settings size={16} aria-hidden />
          <span className="place-name">Settings</span>
        </Link>
        <span className="version muted place-name">{data ? `version ${data.version}` : ""}</span>
      </nav>
      <main id="main" tabIndex={-1}>
        {error && (
          <div className="banner failure" role="alert">
            {error.message}: what is shown may be old. Trying again.
          </div>
        )}
        {isOutdated && (
          <div className="banner attention">
            The server runs version {data?.version} now. <a href={location.href}>Reload the page</a>
          </div>
        )}
        <Outlet />
      </main>
      {isPaletteOpen && <CommandPalette onClose={() => setPaletteOpen(false)} />}
      {isHelpOpen && <Shortcuts onClose={() => setHelpOpen(false)} />}
    </div>
  );
}
