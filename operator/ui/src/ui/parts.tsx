/** Small parts that every page uses: buttons that say why not, states of a pane, text to copy. */
import { type ReactNode, useEffect, useRef, useState } from "react";

type ButtonProps = {
  children: ReactNode;
  onClick: () => void;
  kind?: "primary" | "danger" | "quiet";
  disabledReason?: string | undefined;
  title?: string;
  label?: string;
};

/** A button; with *disabledReason* it stays in reach of the keyboard and says why it does nothing. */
export function Button({ children, onClick, kind, disabledReason, title, label }: ButtonProps) {
  return (
    <button
      type="button"
      className={`button ${kind ?? ""}`}
      aria-disabled={disabledReason ? true : undefined}
      aria-label={label}
      title={disabledReason ?? title}
      onClick={() => {
        if (!disabledReason) onClick();
      }}
    >
      {children}
    </button>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      <div className="secondary">{children}</div>
    </div>
  );
}

export function ErrorCard({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div className="card error-card" role="alert">
      <strong className="error-text">This part could not be loaded.</strong>
      <pre>{error.message}</pre>
      {retry && <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

export function Skeleton({ height = 160 }: { height?: number }) {
  return <div className="skeleton" style={{ height }} role="status" aria-label="loading" />;
}

/** A command that people can take with them. */
export function Command({ text }: { text: string }) {
  return (
    <span className="command">
      <code>{text}</code>
      <CopyButton text={text} label={`copy ${text}`} />
    </span>
  );
}

export function CopyButton({
  text,
  label = "copy",
  shown = "copy",
}: {
  text: string;
  label?: string;
  shown?: string;
}) {
  const [isCopied, setCopied] = useState(false);
  return (
    <button
      type="button"
      className="button quiet small"
      aria-label={label}
      onClick={async () => {
        await navigator.clipboard?.writeText(text);
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      }}
    >
      {isCopied ? "copied" : shown}
    </button>
  );
}

/** A modal dialog; Escape and the backdrop close it, the focus returns to where it was. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-label={title} onClose={onClose}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

export function Tags({ tags, most = 50 }: { tags: { key: string; value: string }[]; most?: number }) {
  return (
    <span className="tags">
      {tags.slice(0, most).map((tag) => (
        <span className="chip" key={tag.key} title={`${tag.key}=${tag.value}`}>
          {tag.value ? `${tag.key}=${tag.value}` : tag.key}
        </span>
      ))}
      {tags.length > most && <span className="muted">+{tags.length - most}</span>}
    </span>
  );
}

/** An error of user code: what, then its frames, then what it was raised from. */
export function Traceback({ error }: { error: Trace }) {
  return (
    <div className="traceback">
      <strong className="error-text">
        {error.className}: {error.message}
      </strong>
      {error.stack && <pre>{error.stack}</pre>}
      {error.causes.map((cause) => (
        <details key={`${cause.className}${cause.message}`} open>
          <summary>
            raised from {cause.className}: {cause.message}
          </summary>
          <pre>{cause.stack}</pre>
        </details>
      ))}
    </div>
  );
}

type Cause = { className: string; message: string; stack: string };
export type Trace = Cause & { causes: Cause[] };
