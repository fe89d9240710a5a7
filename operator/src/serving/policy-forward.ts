import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { parsePolicyText } from '#contract/bootstrap/answer';
import { DOCUMENT_BYTES } from '#contract/snapshot/seal';
import { busy, ok, type Answer } from './answers.ts';
import type { Certificates } from './certificates.ts';
import type { LeaderAddress } from './leader-address.ts';

export interface Forwarded {
  readonly leader: Extract<LeaderAddress, { kind: 'other' }>;
  readonly agent: https.Agent;
  readonly certificates: Pick<Certificates, 'caBundle' | 'serverName'>;
  readonly authorization: string;
  readonly body: Buffer;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/** Says that a replica has passed the request on: it goes no further. */
export const FORWARDED_HEADER = 'articdbm-forwarded';

const DEADLINE_MS = 8_000;
/** base64 and a head. */
const MOST_BYTES = Math.ceil((DOCUMENT_BYTES * 4) / 3) + 16_384;

/** Asks the leader with the caller's own token, which goes to nobody who can't show a certificate by our root. */
export async function forward(forwarded: Forwarded): Promise<Answer> {
  const { signal, onError } = forwarded;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  try {
    const response = await ask(forwarded, limit);
    const body = await read(response);
    if (response.statusCode === 200) return ok(parsePolicyText(JSON.parse(body.toString())), 'forwarded');
    return busy(503, 'LeaderRefused', 'the replica that leads did not answer as it should: ask again');
  } catch (error) {
    if (!signal.aborted) onError(error);
    return busy(503, 'LeaderAway', 'the replica that leads could not be asked: ask again');
  }
}

async function ask(
  { leader, agent, certificates, authorization, body, path }: Forwarded,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const request = https.request({
    ...{ host: leader.host, port: leader.port, method: 'POST', path, agent, signal },
    ca: certificates.caBundle(),
    servername: certificates.serverName,
    minVersion: 'TLSv1.3',
    headers: {
      authorization,
      [FORWARDED_HEADER]: '1',
      'content-type': 'application/json',
      'content-length': body.length,
    },
  });
  const answered = once(request, 'response', { signal });
  request.end(body);
  const [response] = (await answered) as [IncomingMessage];
  return response;
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error('the answer of the replica that leads is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
