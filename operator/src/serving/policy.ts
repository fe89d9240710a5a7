import https from 'node:https';
import { z } from 'zod';
import { POLICY_PATH, type PolicyText } from '#contract/bootstrap/answer';
import { digestOf } from '#contract/snapshot/seal';
import type { PolicyAnswer } from '../publish/publisher.ts';
import { busy, ok, refused, type Answer } from './answers.ts';
import type { Certificates } from './certificates.ts';
import type { LeaderAddress } from './leader-address.ts';
import { forward } from './policy-forward.ts';
import type { Caller } from './token-review.ts';

export interface PolicyOptions {
  /**
   * The scope's policy with a head dated now, published first if it never was. undefined: not yet, or this replica does
   * not lead any more.
   */
  readonly policyOf: (scope: string, signal: AbortSignal) => Promise<PolicyAnswer | undefined>;
  readonly leaderAddress: (signal: AbortSignal) => Promise<LeaderAddress>;
  readonly certificates: Pick<Certificates, 'caBundle' | 'serverName'>;
  readonly onError: (error: unknown) => void;
}

export interface PolicyRequest {
  readonly caller: Caller;
  readonly body: Buffer;
  /** As it came: the leader looks at it again. */
  readonly authorization: string;
  /** By another replica. */
  readonly forwarded: boolean;
  readonly signal: AbortSignal;
}

export interface PolicyHandler {
  answer(request: PolicyRequest): Promise<Answer>;
  close(): void;
}

const question = z.strictObject({
  have: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});

/** The second feed: the leader answers, other replicas pass the question on to it, once. */
export function openPolicy(options: PolicyOptions): PolicyHandler {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 16 });
  return {
    async answer(request) {
      const have = readQuestion(request.body);
      if (have === undefined) return refused(400, 'QuestionUnreadable', 'send {"have": "<digest>"} or {} as JSON');
      const leader = await leaderOf(options, request.signal);
      if (leader.kind === 'self') return answerHere(options, request, have.have);
      if (leader.kind === 'none' || request.forwarded) return NO_LEADER;
      return forward({ ...request, ...options, agent, leader, path: POLICY_PATH });
    },
    close: () => agent.destroy(),
  };
}

const NO_LEADER = busy(503, 'NoLeader', 'no replica leads just now: ask again');

/** The Lease can't be read: nobody is known to lead. */
async function leaderOf({ leaderAddress, onError }: PolicyOptions, signal: AbortSignal): Promise<LeaderAddress> {
  try {
    return await leaderAddress(signal);
  } catch (error) {
    if (!signal.aborted) onError(error);
    return { kind: 'none' };
  }
}

async function answerHere(
  { policyOf }: PolicyOptions,
  { caller, signal }: PolicyRequest,
  have: string | undefined,
): Promise<Answer> {
  const policy = await policyOf(caller.scope, signal);
  if (policy === undefined) return busy(503, 'NotPublished', "the scope's policy is not ready yet: ask again", 1);
  const { head, document } = policy;
  const text: PolicyText = digestOf(document) === have ? { head } : { head, document: document.toString('base64') };
  return ok(text);
}

/** No body is an empty question. undefined: unreadable. */
function readQuestion(body: Buffer): z.infer<typeof question> | undefined {
  if (body.length === 0) return {};
  try {
    return question.safeParse(JSON.parse(body.toString())).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
