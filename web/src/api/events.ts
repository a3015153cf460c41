/** Reads a stream of server-sent events (WHATWG HTML). */
interface ParsedEvent {
  id: string;
  name: string;
}

/** Puts events together from pieces of a stream: one ends at an empty line. */
export function eventParser(): (piece: Uint8Array) => ParsedEvent[] {
  const decoder = new TextDecoder();
  let rest = "";
  let open: ParsedEvent = { id: "", name: "" };
  return (piece) => {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    const found: ParsedEvent[] = [];
    for (const line of lines) {
      if (line.startsWith("event:")) open.name = line.slice(6).trim();
      else if (line.startsWith("id:")) open.id = line.slice(3).trim();
      else if (!line) {
        found.push(open);
        open = { id: "", name: "" };
      }
    }
    return found;
  };
}
