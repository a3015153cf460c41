/** What engines of 2017 do not have. */
export function flatMap<Item, Found>(items: readonly Item[], find: (item: Item) => readonly Found[]): Found[] {
  return ([] as Found[]).concat(...items.map(find));
}

export function fromEntries<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
  const object: Record<string, Value> = {};
  for (const [name, value] of entries) object[name] = value;
  return object;
}
