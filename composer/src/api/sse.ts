/**
 * Server-Sent Events out of a fetched stream: the header with the token rules out `EventSource`.
 *
 * Follows the parsing rules of the HTML standard (9.2.6) as far as events with data need them. No network here.
 */

export interface ServerEvent {
  /** The id of this event, or of the last one that had one. */
  readonly id: string | null;
  readonly type: string;
  readonly data: string;
}

/** Takes text in pieces, cut anywhere; gives whole events. */
export class EventParser {
  /** How soon to come back after the connection broke, as the server said. */
  retryMs: number | null = null;
  #id: string | null;
  #rest = "";
  #type = "";
  #data: string[] = [];

  constructor(lastEventId: string | null = null) {
    this.#id = lastEventId;
  }

  push(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    return lines.map((line) => this.#line(line)).filter((event) => event !== null);
  }

  #line(line: string): ServerEvent | null {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#type = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #dispatch(): ServerEvent | null {
    const event = { id: this.#id, type: this.#type || "message", data: this.#data.join("\n") };
    const isEmpty = this.#data.length === 0;
    this.#type = "";
    this.#data = [];
    return isEmpty ? null : event;
  }
}
