import { expect, it } from "vitest";
import { type LayoutNode, layout, NODE_HEIGHT } from "./layout";

function generated(count: number, seed: number): LayoutNode[] {
  let state = seed;
  const random = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
  return Array.from({ length: count }, (_, i) => ({
    id: `n${i}`,
    upstream:
      i === 0 ? [] : Array.from({ length: Math.floor(random() * 3) }, () => `n${Math.floor(random() * i)}`),
  }));
}

it.each([1, 2, 3, 4, 5])("puts every node right of its upstreams and none over another (%d)", (seed) => {
  const nodes = generated(200, seed);
  const { nodes: placed } = layout(nodes);
  const columns = new Map<number, number[]>();
  for (const node of nodes) {
    const own = placed.get(node.id);
    expect(own).toBeDefined();
    if (!own) continue;
    for (const up of node.upstream) expect(placed.get(up)?.x ?? 0).toBeLessThan(own.x);
    columns.set(own.x, [...(columns.get(own.x) ?? []), own.y]);
  }
  for (const ys of columns.values()) {
    ys.sort((a, b) => a - b);
    for (let i = 1; i < ys.length; i++)
      expect((ys[i] as number) - (ys[i - 1] as number)).toBeGreaterThanOrEqual(NODE_HEIGHT);
  }
});

it("gives the same picture for the same graph", () =>
  expect(layout(generated(100, 7))).toEqual(layout(generated(100, 7))));

it("ends on a graph with a cycle and names that do not exist", () => {
  expect(
    layout([
      { id: "a", upstream: ["b", "a"] },
      { id: "b", upstream: ["a"] },
      { id: "c", upstream: ["gone"] },
    ]).nodes.size,
  ).toBe(3);
});

it("lays 5,000 nodes out while a person does not notice", () => {
  const began = performance.now();
  expect(layout(generated(5000, 1)).nodes.size).toBe(5000);
  expect(performance.now() - began).toBeLessThan(4000); // a shared machine under load; alone it is some 60 ms
});
