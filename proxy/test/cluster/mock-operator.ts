import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BOOTSTRAP_PATH,
  POLICY_PATH,
  type BootstrapAnswer,
  type PolicyQuestion,
  type PolicyText,
  type ScopeLogin,
} from '#contract/bootstrap/answer';
import type { KeyRing } from '#contract/snapshot/keys';
import { scopeKeysFor } from '#contract/snapshot/keys-scope';
import type { RedisAddress } from '#contract/snapshot/redis';
import type { Publisher } from '#operator/publish/publisher';
import { digestOf } from '#contract/snapshot/seal';
import { makeCertificate, type TestCertificate } from '#test/harness/certificate';

export interface Pod {
  readonly scope: string;
  readonly podUid: string;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export interface MockOperatorOptions {
  readonly ring: () => KeyRing;
  readonly redis: () => RedisAddress;
  readonly publisher: () => Publisher | undefined;
  /** Milliseconds that its clock is ahead. */
  readonly ahead: () => number;
}

/**
 * In place of the API server's review of tokens and of the Secrets of logins, which need a cluster: tokens and logins are what
 * a test says. All else of an answer is made as the operator makes it: keys from the ring, policy from the publisher.
 */
export class MockOperator {
  readonly certificate: TestCertificate = makeCertificate();
  /** By token. */
  readonly pods = new Map<string, Pod>();
  logins: readonly ScopeLogin[] = [];
  /** Instead of everything. */
  reply: Reply | undefined;
  /** Of all questions, in order: path and token. */
  readonly asked: (readonly [path: string, token: string])[] = [];
  readonly mock = randomBytes(32).toString('base64url');
  readonly #options: MockOperatorOptions;
  #server: https.Server | undefined;
  #port = 0;

  constructor(options: MockOperatorOptions) {
    this.#options = options;
  }

  /** At the same port as before. */
  async start(certificate: Pick<TestCertificate, 'cert' | 'key'> = this.certificate): Promise<void> {
    const { cert, key } = certificate;
    const server = https.createServer({ cert, key, minVersion: 'TLSv1.3' }, (request, response) => {
      void this.#answer(request, response);
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  get url(): string {
    return `https://localhost:${String(this.#port)}`;
  }

  times(path: string): number {
    return this.asked.filter(([asked]) => asked === path).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    this.asked.push([request.url ?? '', token]);
    const { status, body } = this.reply ?? this.#reply(request.url ?? '', token, Buffer.concat(chunks).toString());
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  #reply(path: string, token: string, question: string): Reply {
    const pod = this.pods.get(token);
    if (pod === undefined) return { status: 401, body: { reason: 'TokenInvalid', message: 'the token is of nobody' } };
    if (path === BOOTSTRAP_PATH) return { status: 200, body: this.bootstrap(pod) };
    if (path !== POLICY_PATH) return { status: 404, body: {} };
    const answer = this.#options.publisher()?.answer(pod.scope);
    if (answer === undefined) return { status: 503, body: { reason: 'NotYet', message: 'ask again' } };
    const { have } = JSON.parse(question) as PolicyQuestion;
    const document = answer.document.toString('base64');
    const body: PolicyText = { head: answer.head, ...(have === digestOf(answer.document) ? {} : { document }) };
    return { status: 200, body };
  }

  bootstrap({ scope, podUid }: Pod): BootstrapAnswer {
    const { ring, redis, ahead } = this.#options;
    return {
      scope,
      podUid,
      keys: scopeKeysFor(ring(), scope, podUid),
      redis: redis(),
      logins: this.logins,
      mock: this.mock,
      now: Date.now() + ahead(),
      askAgain: 600_000,
    };
  }
}
