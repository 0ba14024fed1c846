/** What happens to a job, as it happens, over any number of connections. */

import { ApiError, isTransient } from "./errors";
import type { Http } from "./http";
import { backoffMs, isOver, pause } from "./retry";
import { EventParser, type ServerEvent } from "./sse";
import type { JobProgress, JobStatus } from "./types";

export type JobEvent =
  | {
      readonly type: "status";
      readonly job_id: string;
      readonly status: JobStatus;
      readonly reason: string | null;
      readonly message: string | null;
    }
  | ({ readonly type: "progress"; readonly job_id: string } & JobProgress);

/**
 * The events of a job until its last one (`ready` or `failed`). A connection that breaks is made again with
 * Last-Event-ID, so no event is lost or told twice. Throws ApiError where the server refuses; ends when `signal` does.
 */
export async function* jobEvents(http: Http, jobId: string, signal: AbortSignal): AsyncGenerator<JobEvent, void> {
  let lastId: string | null = null;
  let retryMs: number | undefined;
  for (let failures = 0; !isOver(signal); failures++) {
    try {
      const parser: EventParser = new EventParser(lastId);
      for await (const told of connection(http, jobId, lastId, parser, signal)) {
        failures = 0;
        lastId = told.id;
        const event = JSON.parse(told.data) as JobEvent;
        yield event;
        if (isFinal(event)) return;
      }
      retryMs = parser.retryMs ?? retryMs;
    } catch (error) {
      if (isOver(signal)) return;
      if (error instanceof ApiError && !isTransient(error)) throw error;
    }
    await pause(backoffMs(failures + 1, retryMs), signal);
  }
}

export function isFinal(event: JobEvent): boolean {
  return event.type === "status" && (event.status === "ready" || event.status === "failed");
}

async function* connection(
  http: Http,
  jobId: string,
  lastId: string | null,
  parser: EventParser,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, void> {
  const headers = { Accept: "text/event-stream", ...(lastId === null ? {} : { "Last-Event-ID": lastId }) };
  const response = await http.ask(`/jobs/${encodeURIComponent(jobId)}/events`, { headers, signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield* parser.push(piece.value);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
