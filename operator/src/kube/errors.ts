/** The API server answered, and not with what was asked for. */
export class ApiError extends Error {
  readonly code = 'KUBE_API';
  /** HTTP's. */
  readonly status: number;
  /** Kubernetes' word for it (`Conflict`, `Expired`, `AlreadyExists`, …), or ''. */
  readonly reason: string;
  /** The server's sentence: it may quote what was sent. */
  readonly detail: string;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, answer: ApiAnswer) {
    super(`${request}: ${String(answer.status)} ${answer.reason}`.trimEnd());
    this.status = answer.status;
    this.reason = answer.reason;
    this.detail = answer.detail;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

export interface ApiAnswer {
  readonly status: number;
  readonly reason: string;
  readonly detail: string;
  readonly retryAfterMs: number | undefined;
}

/** No whole answer came. What was asked for may have been done. */
export class UnreachableError extends Error {
  readonly code = 'KUBE_UNREACHABLE';
  constructor(request: string, cause: unknown) {
    super(`${request}: no answer from the API server`, { cause });
  }
}

export const isStatus = (error: unknown, ...statuses: number[]): error is ApiError =>
  error instanceof ApiError && statuses.includes(error.status);

/** The words of a Status object, as the API server sends it with errors. retryAfter: the header's seconds. */
export function answerOf(status: number, body: unknown, retryAfter?: string): ApiAnswer {
  const object = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  const details = object.details as { readonly retryAfterSeconds?: unknown } | undefined;
  const seconds = Number(retryAfter ?? details?.retryAfterSeconds);
  return {
    status,
    reason: typeof object.reason === 'string' ? object.reason : '',
    detail: typeof object.message === 'string' ? object.message : '',
    retryAfterMs: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  };
}
