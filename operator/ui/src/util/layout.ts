/**
 * Where the nodes of a graph stand: ranks from left to right by the longest path, order within a rank by the middle of the
 * neighbours. Linear in nodes and edges but for the sorting, and the same picture for the same graph.
 */

export type LayoutNode = { id: string; upstream: string[] };
export type Placed = { id: string; x: number; y: number };
export type Layout = { nodes: Map<string, Placed>; width: number; height: number };

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 40;
const GAP_X = 64;
const GAP_Y = 14;
const SWEEPS = 8;

export function layout(nodes: LayoutNode[]): Layout {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const downstream = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  for (const node of nodes) for (const up of node.upstream) downstream.get(up)?.push(node.id);
  const rank = ranks(nodes, known);
  const layers: string[][] = [];
  for (const node of nodes) {
    const at = rank.get(node.id) ?? 0;
    layers[at] ??= [];
    layers[at].push(node.id);
  }
  const position = new Map<string, number>();
  const number = (layer: string[]) => {
    for (const [index, id] of layer.entries()) position.set(id, index - layer.length / 2);
  };
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : layers.toReversed()) {
      const weight = new Map(
        layer.map((id) => {
          const near = (isDown ? known.get(id)?.upstream : downstream.get(id)) ?? [];
          const places = near.map((other) => position.get(other)).filter((place) => place !== undefined);
          return [
            id,
            places.length
              ? places.reduce((sum, place) => sum + place, 0) / places.length
              : (position.get(id) ?? 0),
          ];
        }),
      );
      layer.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0) || (a < b ? -1 : 1));
      number(layer);
    }
  }
  return place(layers, known);
}

/** The rank of each node: one more than that of its last upstream. What a cycle holds stays at the rank it was met. */
function ranks(nodes: LayoutNode[], known: Map<string, LayoutNode>): Map<string, number> {
  const rank = new Map<string, number>();
  const waiting = new Map(
    nodes.map((node) => [
      node.id,
      new Set(node.upstream.filter((up) => known.has(up) && up !== node.id)).size,
    ]),
  );
  const after = new Map<string, string[]>();
  for (const node of nodes)
    for (const up of new Set(node.upstream))
      if (up !== node.id) after.set(up, [...(after.get(up) ?? []), node.id]);
  const ready = nodes.filter((node) => waiting.get(node.id) === 0).map((node) => node.id);
  for (const id of ready) rank.set(id, 0);
  for (let at = 0; at < ready.length; at++) {
    const id = ready[at] as string;
    for (const next of after.get(id) ?? []) {
      rank.set(next, Math.max(rank.get(next) ?? 0, (rank.get(id) ?? 0) + 1));
      const left = (waiting.get(next) ?? 0) - 1;
      waiting.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  return rank;
}

function place(layers: string[][], known: Map<string, LayoutNode>): Layout {
  const nodes = new Map<string, Placed>();
  let height = 0;
  for (const [column, layer] of layers.entries()) {
    // As near to the upstreams as the neighbours above leave room for.
    let free = 0;
    for (const [index, id] of layer.entries()) {
      const ups = (known.get(id)?.upstream ?? [])
        .map((up) => nodes.get(up)?.y)
        .filter((y) => y !== undefined);
      const wanted = ups.length
        ? ups.reduce((sum, y) => sum + y, 0) / ups.length
        : index * (NODE_HEIGHT + GAP_Y);
      const y = Math.max(free, Math.min(wanted, free + (layer.length < 30 ? Number.POSITIVE_INFINITY : 200)));
      nodes.set(id, { id, x: column * (NODE_WIDTH + GAP_X), y });
      free = y + NODE_HEIGHT + GAP_Y;
      height = Math.max(height, y + NODE_HEIGHT);
    }
  }
  return { nodes, width: Math.max(0, layers.length * (NODE_WIDTH + GAP_X) - GAP_X), height };
}
