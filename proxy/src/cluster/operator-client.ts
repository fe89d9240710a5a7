import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import {
  AnswerError,
  BOOTSTRAP_PATH,
  parseBootstrap,
  parsePolicyText,
  POLICY_PATH,
  type Bootstrap,
  type PolicyQuestion,
  type PolicyText,
} from '#contract/bootstrap/answer';
import { KeysError } from '#contract/snapshot/keys';

export const OPERATOR_FAILURES = [
  'no-token', // the token file can't be read
  'no-ca', // the CA file can't be read, or is none
  'unreachable',
  'untrusted', // TLS failed: another CA, another name, an expired certificate
  'refused', // the token is not accepted, or not for this
  'later', // 429, 503 and other errors of the operator
  'invalid', // an answer that is none
] as const;
export type OperatorFailure = (typeof OPERATOR_FAILURES)[number];

/** The message is for the people who run it: what is wrong and what to do. Never part of a token or an answer. */
export class OperatorError extends Error {
  readonly code: OperatorFailure;
  constructor(code: OperatorFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OperatorError';
    this.code = code;
  }
}

export interface OperatorClient {
  /** Rejects with OperatorError. */
  bootstrap(signal: AbortSignal): Promise<{ readonly bootstrap: Bootstrap; readonly json: unknown }>;
  policy(question: PolicyQuestion, signal: AbortSignal): Promise<PolicyText>;
}

export interface OperatorClientOptions {
  readonly url: URL;
  /** PEM, or a path to it. */
  readonly ca: string;
  readonly tokenFile: string;
}

/** Milliseconds from one byte to the next. */
const SILENCE_MS = 10_000;
/** A sealed document of 64 MiB as base64, and some. */
const ANSWER_BYTES = 96 << 20;
const REFUSAL_BYTES = 16 << 10;

/** One connection per question: they are rare, and each is to meet whichever replica is alive. */
export function createOperatorClient(options: OperatorClientOptions): OperatorClient {
  const ask = async (path: string, body: string, signal: AbortSignal): Promise<unknown> => {
    const [token, ca] = await Promise.all([readToken(options.tokenFile), readCa(options.ca)]);
    return post(options.url, { path, body, token, ca, signal });
  };
  return {
    bootstrap: async (signal) => {
      const json = await ask(BOOTSTRAP_PATH, '', signal);
      return { bootstrap: parsed(json, parseBootstrap), json };
    },
    policy: async (question, signal) =>
      parsed(await ask(POLICY_PATH, JSON.stringify(question), signal), parsePolicyText),
  };
}

function parsed<T>(json: unknown, parse: (json: unknown) => T): T {
  try {
    return parse(json);
  } catch (error) {
    if (error instanceof AnswerError || error instanceof KeysError) throw notAsExpected();
    throw error;
  }
}

const notAsExpected = (): OperatorError =>
  new OperatorError('invalid', "the operator's answer is not understood: are operator and proxy of one version?");

/** Afresh each time: kubelet renews it. */
async function readToken(file: string): Promise<string> {
  const token = await readFile(file, 'latin1').catch((cause: unknown) => {
    const message = `the token file ${file} can not be read (${codeOf(cause)}): the pod needs the volume articdbm-token`;
    throw new OperatorError('no-token', message, { cause });
  });
  const word = token.trim();
  if (/^[A-Za-z0-9._~+/=-]{1,16384}$/.test(word)) return word;
  throw new OperatorError('no-token', `the token file ${file} holds no token`);
}

async function readCa(textOrFile: string): Promise<string> {
  if (textOrFile.includes('-----BEGIN')) return certificate(textOrFile);
  const text = await readFile(textOrFile, 'utf8').catch((cause: unknown) => {
    throw new OperatorError('no-ca', `the operator's CA ${textOrFile} can not be read (${codeOf(cause)})`, { cause });
  });
  return certificate(text);
}

/** TLS itself passes over what it can't read. */
function certificate(pem: string): string {
  try {
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new OperatorError('no-ca', "the operator's CA is no certificate in PEM", { cause });
  }
}

interface Question {
  readonly path: string;
  readonly body: string;
  readonly token: string;
  readonly ca: string;
  readonly signal: AbortSignal;
}

async function post(url: URL, question: Question): Promise<unknown> {
  const response = await sent(url, question);
  const status = response.statusCode ?? 0;
  const text = await bodyOf(response, status === 200 ? ANSWER_BYTES : REFUSAL_BYTES);
  if (status !== 200) throw refusalOf(status, text);
  return parsed(text, parseJson);
}

function sent(url: URL, { path, body, token, ca, signal }: Question): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => reject(failureOf(cause, url));
    try {
      const request = https.request(
        new URL(path, url),
        {
          method: 'POST',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          },
          ca, // and no other: neither the system's nor that of NODE_EXTRA_CA_CERTS
          rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
          minVersion: 'TLSv1.3',
          agent: new https.Agent({ keepAlive: false }),
          timeout: SILENCE_MS,
          signal,
        },
        resolve,
      );
      request.on('timeout', () => request.destroy(new OperatorError('unreachable', silent(url))));
      request.on('error', failed);
      request.end(body);
    } catch (error) {
      failed(error);
    }
  });
}

const silent = (url: URL): string => `the operator at ${url.origin} does not answer`;

async function bodyOf(response: IncomingMessage, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) throw new OperatorError('invalid', "the operator's answer is too long");
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause;
    throw new OperatorError('unreachable', `the operator's answer broke off (${codeOf(cause)})`, { cause });
  }
  return Buffer.concat(chunks).toString();
}

function failureOf(cause: unknown, url: URL): OperatorError {
  if (cause instanceof OperatorError) return cause;
  const code = codeOf(cause);
  if (code === 'ABORT_ERR') return new OperatorError('unreachable', silent(url), { cause });
  if (isOfTls(code)) {
    const message = `the operator at ${url.origin} is not believed (${code}): its certificate must be of the CA that was given, for ${url.hostname}`;
    return new OperatorError('untrusted', message, { cause });
  }
  return new OperatorError('unreachable', `the operator at ${url.origin} can not be reached (${code})`, { cause });
}

/** OpenSSL's reasons why a certificate is none, and Node's own. */
const isOfTls = (code: string): boolean =>
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH)/.test(
    code,
  ) || code === 'EPROTO';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown';

const refusal = z.object({ reason: z.string(), message: z.string() });

/** It is the operator itself that speaks: TLS has seen to that. Its words are for people, and cut all the same. */
function refusalOf(status: number, text: string): OperatorError {
  const { data } = refusal.safeParse(looseJson(text));
  const words = data === undefined ? '' : `: ${printable(data.message)} (${printable(data.reason)})`;
  return status === 401 || status === 403
    ? new OperatorError('refused', `the operator refuses this pod, ${status}${words}`)
    : new OperatorError('later', `the operator can not answer now, ${status}${words}`);
}

const printable = (text: string): string => text.replaceAll(/\p{C}/gu, ' ').slice(0, 400);

function looseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseJson(text: unknown): unknown {
  const json = looseJson(text as string);
  if (json === undefined) throw new AnswerError('no JSON');
  return json;
}
