import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Layout, type LayoutNode, layout, NODE_HEIGHT, NODE_WIDTH, type Placed } from "../util/layout";
import "./graph.css";
import { Button } from "./parts";
import { usePrefs } from "./prefs";
import type { Family } from "./status";

export type GraphNode = LayoutNode & {
  label: string;
  detail: string;
  family: Family | null;
  isDimmed?: boolean;
  isGroup?: boolean;
};
type View = { x: number; y: number; zoom: number };

type Props = {
  nodes: GraphNode[];
  selected: string | null;
  label: string;
  onSelect: (id: string | null) => void;
  onOpen?: (id: string) => void;
};

/** A graph as a picture to pan and zoom, and beside it the same nodes as a list: for screen readers, the keyboard, and searching. */
export function GraphCanvas({ nodes, selected, label, onSelect, onOpen }: Props) {
  const { theme } = usePrefs();
  const canvas = useRef<HTMLCanvasElement>(null);
  const shape = useMemo(() => nodes.map(({ id, upstream }) => ({ id, upstream })), [nodes]);
  const shapeKey = JSON.stringify(shape);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new status does not move a node
  const placed = useMemo(() => layout(shape), [shapeKey]);
  const [view, setView] = useState<View | null>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [text, setText] = useState("");
  const shownView = view ?? fitted(placed, size);
  const drag = useRef<{ x: number; y: number; view: View; isMoved: boolean } | null>(null);

  useEffect(() => {
    const element = canvas.current?.parentElement;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes the colours that are read while drawing
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (canvas.current) draw(canvas.current, placed, nodes, shownView, size, selected);
    });
    return () => cancelAnimationFrame(frame);
  }, [placed, nodes, shownView, size, selected, theme]);

  const nodeAt = (event: React.MouseEvent): Placed | undefined => {
    const box = canvas.current?.getBoundingClientRect();
    if (!box) return undefined;
    const x = (event.clientX - box.left) / shownView.zoom + shownView.x;
    const y = (event.clientY - box.top) / shownView.zoom + shownView.y;
    for (const node of placed.nodes.values()) {
      if (x >= node.x && x <= node.x + NODE_WIDTH && y >= node.y && y <= node.y + NODE_HEIGHT) return node;
    }
    return undefined;
  };
  const zoomBy = useCallback(
    (factor: number, at = { x: size.width / 2, y: size.height / 2 }) => {
      setView((before) => {
        const now = before ?? fitted(placed, size);
        const zoom = Math.max(0.05, Math.min(2, now.zoom * factor));
        return { zoom, x: now.x + at.x / now.zoom - at.x / zoom, y: now.y + at.y / now.zoom - at.y / zoom };
      });
    },
    [placed, size],
  );
  useEffect(() => {
    const element = canvas.current;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element?.getBoundingClientRect();
      zoomBy(Math.exp(-event.deltaY / 400), {
        x: event.clientX - (box?.left ?? 0),
        y: event.clientY - (box?.top ?? 0),
      });
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, [zoomBy]);
  const listed = nodes.filter((node) => node.label.toLowerCase().includes(text.toLowerCase())).slice(0, 500);

  return (
    <div className="graph">
      <div className="graph-outline">
        <input
          data-filter
          aria-label={`Find in ${label}`}
          placeholder={`${nodes.length} nodes, find …`}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <ul aria-label={label}>
          {listed.map((node) => (
            <li key={node.id}>
              <button
                type="button"
                aria-pressed={node.id === selected}
                aria-label={node.detail ? `${node.label}, ${node.detail}` : node.label}
                className={node.family ?? ""}
                title={node.detail}
                onClick={() => {
                  onSelect(node.id === selected ? null : node.id);
                  const at = placed.nodes.get(node.id);
                  if (at)
                    setView({
                      zoom: Math.max(0.6, shownView.zoom),
                      x: at.x + NODE_WIDTH / 2 - size.width / 2 / Math.max(0.6, shownView.zoom),
                      y: at.y - size.height / 2 / Math.max(0.6, shownView.zoom),
                    });
                }}
                onDoubleClick={() => onOpen?.(node.id)}
              >
                {node.label}
              </button>
            </li>
          ))}
        </ul>
      </div>
      <div className="graph-canvas">
        <canvas
          ref={canvas}
          aria-hidden
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            drag.current = { x: event.clientX, y: event.clientY, view: shownView, isMoved: false };
          }}
          onPointerMove={(event) => {
            const from = drag.current;
            if (!from) return;
            const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
            if (Math.abs(dx) + Math.abs(dy) > 4) from.isMoved = true;
            if (from.isMoved)
              setView({
                ...from.view,
                x: from.view.x - dx / from.view.zoom,
                y: from.view.y - dy / from.view.zoom,
              });
          }}
          onPointerUp={(event) => {
            if (drag.current && !drag.current.isMoved) onSelect(nodeAt(event)?.id ?? null);
            drag.current = null;
          }}
          onDoubleClick={(event) => {
            const node = nodeAt(event);
            if (node) onOpen?.(node.id);
          }}
        />
        <div className="graph-tools">
          <Button label="zoom in" onClick={() => zoomBy(1.3)}>
            +
          </Button>
          <Button label="zoom out" onClick={() => zoomBy(1 / 1.3)}>
            −
          </Button>
          <Button onClick={() => setView(null)}>Fit</Button>
        </div>
      </div>
    </div>
  );
}

/** The whole graph, unless its names could not be read any more: then its beginning. */
function fitted(placed: Layout, size: { width: number; height: number }): View {
  const margin = 24;
  const smallest = placed.nodes.size > 200 ? 0.05 : 0.5;
  const byWidth = (size.width - 2 * margin) / Math.max(1, placed.width);
  const byHeight = (size.height - 2 * margin) / Math.max(1, placed.height);
  const zoom = Math.max(smallest, Math.min(1, byWidth, byHeight));
  return {
    zoom,
    x: placed.width > size.width / zoom ? -margin / zoom : (placed.width - size.width / zoom) / 2,
    y: placed.height > size.height / zoom ? -margin / zoom : (placed.height - size.height / zoom) / 2,
  };
}

function draw(
  canvas: HTMLCanvasElement,
  placed: Layout,
  nodes: GraphNode[],
  view: View,
  size: { width: number; height: number },
  selected: string | null,
) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = size.width * ratio;
  canvas.height = size.height * ratio;
  canvas.style.width = `${size.width}px`;
  canvas.style.height = `${size.height}px`;
  const context = canvas.getContext("2d");
  if (!context || size.width === 0) return;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  context.setTransform(
    ratio * view.zoom,
    0,
    0,
    ratio * view.zoom,
    -view.x * view.zoom * ratio,
    -view.y * view.zoom * ratio,
  );
  const right = view.x + size.width / view.zoom;
  const bottom = view.y + size.height / view.zoom;
  const near = new Set(
    selected ? [selected, ...(nodes.find((node) => node.id === selected)?.upstream ?? [])] : [],
  );

  context.lineWidth = 1 / Math.min(1, view.zoom);
  for (const isLit of [false, true]) {
    context.strokeStyle = colour(isLit ? "accent" : "border");
    context.beginPath();
    for (const node of nodes) {
      const to = placed.nodes.get(node.id);
      if (!to || to.x < view.x - 100) continue;
      for (const up of node.upstream) {
        const from = placed.nodes.get(up);
        const isEdgeLit = selected !== null && (node.id === selected || up === selected);
        if (!from || from.x > right || isEdgeLit !== isLit) continue;
        if (Math.max(from.y, to.y) + NODE_HEIGHT < view.y || Math.min(from.y, to.y) > bottom) continue;
        const [x1, y1, x2, y2] = [
          from.x + NODE_WIDTH,
          from.y + NODE_HEIGHT / 2,
          to.x,
          to.y + NODE_HEIGHT / 2,
        ];
        context.moveTo(x1, y1);
        if (view.zoom < 0.5) context.lineTo(x2, y2);
        else context.bezierCurveTo(x1 + 32, y1, x2 - 32, y2, x2, y2);
      }
    }
    context.stroke();
  }
  for (const node of nodes) {
    const at = placed.nodes.get(node.id);
    if (!at || at.x + NODE_WIDTH < view.x || at.x > right || at.y + NODE_HEIGHT < view.y || at.y > bottom)
      continue;
    context.globalAlpha = node.isDimmed ? 0.35 : 1;
    context.fillStyle = colour(
      node.id === selected ? "selected" : node.family ? `${node.family}-tint` : "band",
    );
    context.strokeStyle = near.has(node.id)
      ? colour("accent")
      : node.family
        ? colour(`${node.family}-fill`)
        : colour("border");
    context.lineWidth = (node.id === selected ? 2 : 1) / Math.min(1, view.zoom);
    context.beginPath();
    context.roundRect(at.x, at.y, NODE_WIDTH, NODE_HEIGHT, node.isGroup ? 10 : 4);
    context.fill();
    context.stroke();
    if (node.family) {
      context.fillStyle = colour(`${node.family}-fill`);
      context.fillRect(at.x, at.y, 4, NODE_HEIGHT);
    }
    if (view.zoom >= 0.3) {
      context.fillStyle = colour("text");
      context.font = '500 13px "Inter Variable", sans-serif';
      context.fillText(cut(context, node.label, NODE_WIDTH - 20), at.x + 12, at.y + 17);
      context.fillStyle = colour("text-3");
      context.font = '400 11px "Inter Variable", sans-serif';
      context.fillText(cut(context, node.detail, NODE_WIDTH - 20), at.x + 12, at.y + 32);
    }
    context.globalAlpha = 1;
  }
}

function cut(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let shown = text.slice(0, 40);
  while (shown.length > 1 && context.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1);
  return `${shown}…`;
}
