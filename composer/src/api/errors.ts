/** What can go wrong between the page and the API, typed, so that callers ask for what they can remedy. */

/** One entry of `errors`: what it is about, and what is wrong with it. */
export interface FieldProblem {
  readonly detail: string;
  /** JSON pointer into the body. */
  readonly pointer?: string;
  readonly parameter?: string;
  readonly header?: string;
}

const TYPE_BASE = "urn:recording-farm:problem:";

/** The server refused: RFC 9457 problem details. */
export class ApiError extends Error {
  readonly status: number;
  /** The last part of the problem's type, such as `precondition-failed`. */
  readonly slug: string;
  readonly fields: readonly FieldProblem[];
  /** The tag that the server has instead, after a 412. */
  readonly etag: string | null;
  readonly retryAfterS: number | null;

  constructor(
    status: number,
    slug: string,
    detail: string,
    fields: readonly FieldProblem[] = [],
    etag: string | null = null,
    retryAfterS: number | null = null,
  ) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.slug = slug;
    this.fields = fields;
    this.etag = etag;
    this.retryAfterS = retryAfterS;
  }

  /** The user token is missing, expired or wrong. */
  get isAccess(): boolean {
    return this.status === 401 || this.status === 403;
  }

  /** What the user may not see looks like what does not exist. */
  get isMissing(): boolean {
    return this.status === 404;
  }

  /** Somebody else saved in between. */
  get isConflict(): boolean {
    return this.status === 412;
  }

  /** The same request may succeed a little later. */
  get isTransient(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

/** The server could not be reached, or the connection broke. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("the server cannot be reached", { cause });
    this.name = "Unreachable";
  }
}

export function isTransient(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiError && error.isTransient);
}

/** Saving, also what another save was in the way of passes: the server says 409 to that. */
export function isTransientForSaving(error: unknown): boolean {
  return isTransient(error) || (error instanceof ApiError && error.status === 409);
}

/** The error that a response of status 400 or more tells. */
export async function errorOf(response: Response): Promise<ApiError> {
  const told = await problemOf(response);
  const type = typeof told["type"] === "string" ? told["type"] : "";
  const detail = told["detail"] ?? told["title"] ?? response.statusText;
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new ApiError(
    response.status,
    type.startsWith(TYPE_BASE) ? type.slice(TYPE_BASE.length) : type || `http-${response.status}`,
    typeof detail === "string" && detail !== "" ? detail : `the server answered ${response.status}`,
    Array.isArray(told["errors"]) ? (told["errors"] as FieldProblem[]) : [],
    response.headers.get("ETag"),
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  try {
    const told: unknown = await response.json();
    return typeof told === "object" && told !== null ? (told as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
