/** How an address names a code location: `shop`, or `team-a~shop` outside of the namespace `local`. */

export type LocationName = { namespace: string; name: string };

export function locationId({ namespace, name }: LocationName): string {
  return namespace === "local" ? name : `${namespace}~${name}`;
}

export function parseLocationId(id: string): LocationName {
  const at = id.indexOf("~");
  return at < 0 ? { namespace: "local", name: id } : { namespace: id.slice(0, at), name: id.slice(at + 1) };
}
