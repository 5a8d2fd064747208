import type { Look, Shape } from "./status";

const OCTAGON = "M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z";

/** Shape, colour and word of a status; the shape alone tells it, too. */
export function StatusIcon({ look, hasWord = false }: { look: Look; hasWord?: boolean }) {
  return (
    <span className={`status ${look.family}`}>
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <Drawing shape={look.shape} />
      </svg>
      <span className={hasWord ? undefined : "visually-hidden"}>{look.word}</span>
    </span>
  );
}

function Drawing({ shape }: { shape: Shape }) {
  switch (shape) {
    case "check":
      return (
        <>
          <circle cx="8" cy="8" r="7" fill="currentColor" />
          <path d="m4.7 8.2 2.3 2.3 4.3-4.7" fill="none" stroke="var(--page)" strokeWidth="1.8" />
        </>
      );
    case "cross":
      return (
        <>
          <path d={OCTAGON} fill="currentColor" />
          <path d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4" stroke="var(--page)" strokeWidth="1.8" />
        </>
      );
    case "ring":
      return (
        <circle
          className="spin"
          cx="8"
          cy="8"
          r="5.8"
          fill="none"
          stroke="currentColor"
          strokeWidth="2.4"
          strokeDasharray="27 10"
        />
      );
    case "dashed":
      return (
        <circle
          className="spin"
          cx="8"
          cy="8"
          r="5.8"
          fill="none"
          stroke="currentColor"
          strokeWidth="2"
          strokeDasharray="4 3"
        />
      );
    case "clock":
      return (
        <>
          <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.6" />
          <path d="M8 4.6V8l2.4 1.6" fill="none" stroke="currentColor" strokeWidth="1.6" />
        </>
      );
    case "dotted":
      return (
        <circle
          cx="8"
          cy="8"
          r="6"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.6"
          strokeDasharray="1.6 2.2"
        />
      );
    case "triangle":
      return (
        <>
          <path d="M8 1.5 15 14H1z" fill="currentColor" />
          <path d="M8 6v4m0 1.4v1.2" stroke="var(--page)" strokeWidth="1.6" />
        </>
      );
    case "half":
      return (
        <>
          <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.6" />
          <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
        </>
      );
    case "square":
      return <rect x="2.5" y="2.5" width="11" height="11" rx="1.5" fill="currentColor" />;
    case "dash":
      return (
        <>
          <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.6" />
          <path d="M5 8h6" stroke="currentColor" strokeWidth="1.6" />
        </>
      );
    case "retry":
      return (
        <path d="M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3h-3" fill="none" stroke="currentColor" strokeWidth="1.8" />
      );
    case "pause":
      return <path d="M5 3v10m6-10v10" stroke="currentColor" strokeWidth="3" />;
  }
}
