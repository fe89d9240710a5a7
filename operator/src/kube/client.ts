import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterAccess } from './config.ts';
import { ApiError, UnreachableError, answerOf } from './errors.ts';
import {
  apiVersionOf,
  collectionPath,
  objectPath,
  type KubeObject,
  type ObjectRef,
  type ResourceKind,
} from './resource.ts';
import { SendError, Transport } from './transport.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Ends the request; without one it has the client's own deadline only. */
  readonly signal?: AbortSignal | undefined;
}

/** For metrics: after each answer. status: 0 when none came. Watches count as WATCH. */
export type OnRequest = (method: string, status: number) => void;

export interface Selection {
  /** undefined: all. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface Listed<T> {
  readonly items: readonly T[];
  /** To watch on from. */
  readonly resourceVersion: string;
}

export interface ApplyOptions {
  readonly fieldManager: string;
  readonly subresource?: string;
  /** Takes fields over from other managers. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds. */
const DEADLINE_MS = 30_000;
const ATTEMPTS = 6;
const MOST_WAIT_MS = 8_000;
const PAGE = '500';
const MOST_BODY_BYTES = 128 * 2 ** 20;

/** Requests to one API server. They throw ApiError or UnreachableError; "not now" (429, Retry-After) is waited out within the deadline. */
export class KubeClient {
  readonly #transport: Transport;
  readonly #onRequest: OnRequest;

  constructor(access: ClusterAccess, onRequest: OnRequest = () => undefined) {
    this.#transport = new Transport(access);
    this.#onRequest = onRequest;
  }

  /** undefined: there is none. */
  async get<T extends KubeObject>(kind: ResourceKind, ref: ObjectRef, signal?: AbortSignal): Promise<T | undefined> {
    try {
      return await this.request<T>({ method: 'GET', path: objectPath(kind, ref), signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All of them as of one moment, page by page. A 410 between pages is thrown: begin again. */
  async list<T extends KubeObject>(
    kind: ResourceKind,
    selection: Selection = {},
    signal?: AbortSignal,
  ): Promise<Listed<T>> {
    const { namespace, ...selectors } = selection;
    const path = collectionPath(kind, namespace);
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const query = { ...selectors, limit: PAGE, continue: next };
      const page = await this.request<ListPage<T>>({ method: 'GET', path, query, signal });
      for (const item of page.items) items.push(item);
      next = page.metadata.continue;
      if (next === undefined || next === '') return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  create<T extends KubeObject>(kind: ResourceKind, object: T, signal?: AbortSignal): Promise<T> {
    const path = collectionPath(kind, object.metadata.namespace);
    return this.request<T>({ method: 'POST', path, body: typed(kind, object), signal });
  }

  /** Whole, over the resourceVersion that it carries (409 if that is not the last one). */
  update<T extends KubeObject>(kind: ResourceKind, object: T, signal?: AbortSignal): Promise<T> {
    return this.request<T>({
      method: 'PUT',
      path: objectPath(kind, object.metadata),
      body: typed(kind, object),
      signal,
    });
  }

  /** Server-side apply: only what the object names, and takes back what this manager named before. */
  apply<T extends KubeObject>(kind: ResourceKind, object: T, options: ApplyOptions): Promise<T> {
    return this.request<T>({
      method: 'PATCH',
      path: objectPath(kind, object.metadata, options.subresource),
      query: { fieldManager: options.fieldManager, force: options.force === true ? 'true' : undefined },
      contentType: 'application/apply-patch+yaml',
      body: typed(kind, object),
      signal: options.signal,
    });
  }

  mergePatch<T extends KubeObject>(
    kind: ResourceKind,
    ref: ObjectRef,
    patch: object,
    signal?: AbortSignal,
  ): Promise<T> {
    const path = objectPath(kind, ref);
    return this.request<T>({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: patch, signal });
  }

  /** Only that very object, if a uid is given. One that is not there counts as deleted. */
  async delete(kind: ResourceKind, ref: ObjectRef, uid?: string, signal?: AbortSignal): Promise<void> {
    const body = uid === undefined ? undefined : { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } };
    try {
      await this.request({ method: 'DELETE', path: objectPath(kind, ref), body, signal });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  async request<T>(request: KubeRequest): Promise<T> {
    const { method } = request;
    const path = withQuery(request.path, request.query);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const signal = request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]);
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#attempt({ method, path, body, contentType: request.contentType, signal });
      if (answer === 'again') continue;
      if (answer.status < 300) return answer.body as T;
      const error = new ApiError(`${method} ${request.path}`, answerOf(answer.status, answer.body, answer.retryAfter));
      if (error.retryAfterMs === undefined || attempt >= ATTEMPTS) throw error;
      await sleep(Math.min(error.retryAfterMs, MOST_WAIT_MS) * (1 + Math.random() / 4), undefined, { signal }).catch(
        () => {
          throw error;
        },
      );
    }
  }

  /** The answer's head, for whoever reads its body as it comes. Its connection is its own. */
  async stream(path: string, query: KubeRequest['query'], signal: AbortSignal): Promise<IncomingMessage> {
    try {
      const { response } = await this.#transport.send({
        method: 'GET',
        path: withQuery(path, query),
        signal,
        alone: true,
      });
      const status = response.statusCode ?? 0;
      this.#onRequest('WATCH', status);
      if (status === 200) return response;
      const said = parse(await bodyOf(response));
      throw new ApiError(`WATCH ${path}`, answerOf(status, said, response.headers['retry-after']));
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new UnreachableError(`WATCH ${path}`, error);
    }
  }

  close(): void {
    this.#transport.close();
  }

  /** 'again': a kept connection was closed under a read. */
  async #attempt(sent: Attempt): Promise<Answer | 'again'> {
    try {
      const { response } = await this.#transport.send(sent);
      const status = response.statusCode ?? 0;
      const body = parse(await bodyOf(response));
      this.#onRequest(sent.method, status);
      return { status, body, retryAfter: response.headers['retry-after'] };
    } catch (error) {
      this.#onRequest(sent.method, 0);
      const stale = error instanceof SendError && error.reused && sent.method === 'GET';
      if (stale && !sent.signal.aborted) return 'again';
      throw new UnreachableError(`${sent.method} ${sent.path.split('?')[0] ?? ''}`, error);
    }
  }
}

interface Attempt {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly contentType: string | undefined;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfter: string | undefined;
}

interface ListPage<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

const typed = <T extends KubeObject>(kind: ResourceKind, object: T): T => ({
  ...object,
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
});

function withQuery(path: string, query: KubeRequest['query'] = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BODY_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What is no JSON (a proxy's page, a plain `ok`) comes back as text. */
function parse(body: Buffer): unknown {
  const text = body.toString();
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
