import { expect } from 'chai';
import { compilePolicy, evaluate } from '#contract/policy/evaluate';
import type { SnapshotBackend, SnapshotUser } from '#contract/snapshot/types';
import { Outbox } from '#proxy/bytes/outbox';
import { ProtocolError } from '#proxy/bytes/protocol-error';
import type { InspectedStatement, ResolutionState, SessionEffect } from '#proxy/sql/inspection';
import { ReplyCut } from '../refusal.ts';
import type { ClientMessage, InFlight, Inspections, StatementText } from '../protocol.ts';
import { LoginFraming } from './decode-frames.ts';
import * as e from './encode.ts';
import { PostgresLink } from './link.ts';
import { BACKEND } from './messages.ts';
import { PostgresSession } from './session.ts';

const NONCE = 'articdbm_test';

/** Texts are read as: `name` = a statement of that tag; `copy` begins a COPY; `f` calls a function. */
const inspections: Inspections = {
  text: (bytes) => {
    const text: StatementText = { bytes: Buffer.from(bytes), cost: 10, keep: () => text };
    return text;
  },
  of: ({ bytes }) => ({ understood: true, statements: bytes.toString().split(';').map(statement) }),
};

function statement(text: string): InspectedStatement {
  const effects: readonly SessionEffect[] = text === 'f' ? [{ kind: 'path-unknown' }] : [];
  const base = { offset: 0, tag: text, ask: { kind: 'requests', requests: [] }, judgedAt: 'execute' } as const;
  const copy = text === 'copy' ? ({ copy: 'from-stdin' } as const) : {};
  return { ...base, effects, constantsMatter: false, ...copy };
}

const BACKEND_OF: SnapshotBackend = {
  id: 'a/b',
  protocol: 'postgresql',
  endpoints: [],
  database: 'd',
  searchPath: [],
  tls: { mode: 'disable', allowCleartextPassword: false },
  timeouts: { connect: 1, login: 1, statement: 0, idle: 0 },
  audit: 'none',
  users: [],
};
const USER: SnapshotUser = { name: 'u', ref: 'a/u', uid: '1', enabled: true, limits: {}, rules: [] };
const POLICY = compilePolicy(USER, BACKEND_OF);

/** A session and its link, without a relay: what is refused is said by the test. */
class Pair {
  readonly toServer = new Outbox();
  readonly toClient = new Outbox();
  readonly ended: string[] = [];
  readonly session: PostgresSession;
  readonly link: PostgresLink;
  all = false;

  constructor() {
    const state = (path: readonly string[] | null): ResolutionState => {
      return { id: '1', database: 'd', major: 18, path, outside: null };
    };
    this.session = new PostgresSession({
      inspections,
      resolution: { initialPath: ['public'], current: state },
      statementBytes: 1_000,
      nonce: NONCE,
      reportsPath: false,
      serverUser: 'u',
    });
    this.link = new PostgresLink({
      session: this.session,
      toServer: this.toServer,
      toClient: this.toClient,
      nonce: NONCE,
      now: () => 0,
      tells: { all: () => this.all, whole: () => false },
      ended: (_entry: InFlight, outcome) => this.ended.push(outcome),
      failed: () => undefined,
    });
  }

  #pending: ClientMessage | undefined;

  /** Returns how many messages went; the first that must wait is tried again the next time. */
  client(...messages: readonly Buffer[]): number {
    this.session.receive(Buffer.concat(messages));
    let count = 0;
    for (;;) {
      const message = this.#pending ?? this.session.next();
      this.#pending = message;
      if (message === undefined || !this.link.accepts(message)) return count;
      this.#pending = undefined;
      const inquiry = this.session.inspect(message);
      const allow = evaluate(POLICY, [], 0);
      if (allow.outcome === 'deny') throw new Error('nothing is allowed');
      const refused =
        inquiry.kind === 'judge' && inquiry.steps.some((s) => s.statements.some(({ tag }) => tag === 'no'));
      const refusal = { reason: 'permission', sqlstate: '42501', message: 'ours' } as const;
      if (inquiry.kind === 'judge' && refused)
        this.link.refuse(message, { judged: inquiry, at: 0, refusal, permit: undefined });
      else if (inquiry.kind === 'judge') this.link.forward(message, inquiry, allow.permit(message.bytes));
      else this.link.pass(message);
      count++;
    }
  }

  server(...messages: readonly Buffer[]): string {
    this.link.receive(Buffer.concat(messages));
    return types(this.toClient);
  }

  get sent(): string {
    return types(this.toServer);
  }
}

function types(outbox: Outbox): string {
  const framing = new LoginFraming();
  framing.push(Buffer.concat(outbox.take()));
  let letters = '';
  for (;;) {
    const frame = framing.next({ untyped: false, limit: 1_000_000 });
    if (frame === undefined) return letters;
    letters += String.fromCharCode(frame.type);
    if (frame.type === BACKEND.ErrorResponse && frame.body.includes('ours')) letters += '!';
  }
}

const EMPTY = Buffer.alloc(0);
const extended = (text: string): Buffer =>
  Buffer.concat([
    e.encodeParse(EMPTY, Buffer.from(text)),
    e.encodeBind({ portal: EMPTY, statement: EMPTY }),
    e.encodeExecute(EMPTY),
  ]);
const query = (text: string): Buffer => e.encodeQuery(Buffer.from(text));
const ready = (status: 'I' | 'T' | 'E' = 'I'): Buffer => e.encodeReadyForQuery(status);
const error = (sqlstate: string, message = 'theirs'): Buffer => e.encodeErrorResponse({ sqlstate, message });
const done = e.encodeCommandComplete('SELECT 1');
const copyIn = e.encodeCopyResponse(BACKEND.CopyInResponse, 0, [0]);

describe('what is in flight on a link', () => {
  it('a refusal in a pipeline ends all up to the Sync, and what is sent later is skipped as well', () => {
    const pair = new Pair();
    pair.client(extended('yes'), extended('no'));
    expect(pair.sent).to.equal('PBEPBP');
    const parsed = [e.encodeParseComplete(), e.encodeBindComplete()];
    expect(pair.server(...parsed, done, ...parsed, error('42883', `x ${NONCE} y`))).to.equal('12C12E!');
    pair.client(extended('yes'), query('yes'), e.encodeSync(), query('yes'));
    expect(pair.server(ready('E'), done, ready())).to.equal('ZCZ');
    expect(pair.link.inFlight).to.equal(0);
    expect(pair.ended.filter((outcome) => outcome === 'denied').length).to.equal(1);
  });

  it('passes any other error than that of our own substitute, naming it or not', () => {
    const pair = new Pair();
    pair.client(query('no'), query('no'), query('no'), query('no'));
    expect(pair.server(error('25P02'), ready('E'))).to.equal('EZ');
    expect(pair.server(error('42883', 'another function'), ready('E'))).to.equal('EZ');
    expect(pair.server(e.encodeErrorResponse({ severity: 'FATAL', sqlstate: '42883', message: NONCE }))).to.equal('E');
  });

  const lies: readonly (readonly [string, readonly Buffer[], readonly Buffer[]])[] = [
    ['runs our substitute', [query('no')], [done, ready()]],
    [
      'parses our substitute',
      [extended('no')],
      [e.encodeParseComplete(), e.encodeBindComplete(), e.encodeParseComplete()],
    ],
    ['answers what nobody asked', [], [done]],
    ['is ready for what nobody sent', [], [ready()]],
    ['answers Parse with a row', [extended('yes')], [e.encodeDataRow([])]],
    ['is ready amid a batch', [extended('yes')], [ready()]],
    ['begins a COPY that nobody asked for', [query('yes')], [copyIn]],
    ['asks for a password', [], [e.encodeMessage(BACKEND.Authentication, Buffer.alloc(4))]],
    ['says another status', [query('yes')], [e.encodeMessage(BACKEND.ReadyForQuery, Buffer.from('X'))]],
    ['speaks LATIN1', [], [e.encodeParameterStatus('client_encoding', 'LATIN1')]],
    ['reads backslashes', [], [e.encodeParameterStatus('standard_conforming_strings', 'off')]],
  ];
  for (const [what, sent, said] of lies) {
    it(`ends with a server that ${what}`, () => {
      const pair = new Pair();
      pair.client(...sent);
      expect(() => pair.server(...said)).to.throw(ProtocolError);
    });
  }

  it('never ends a reply that is being ended as if it were whole', () => {
    const row = e.encodeDataRow([Buffer.from('1')]);
    for (const end of [done, e.encodePortalSuspended()]) {
      const pair = new Pair();
      pair.client(extended('yes'));
      pair.server(e.encodeParseComplete(), e.encodeBindComplete(), row);
      const { first } = pair.link;
      if (first === undefined) throw new Error('nothing in flight');
      first.ending = { reason: 'permission', sqlstate: '42501', message: 'ours' };
      expect(() => pair.server(row, end, ready())).to.throw(ReplyCut);
      expect([types(pair.toClient), pair.ended.at(-1)]).to.eql(['', 'denied']);
    }
  });

  it('passes the rows of what a time limit ends, so that a reply completed meanwhile is whole', () => {
    const row = e.encodeDataRow([Buffer.from('1')]);
    const pair = new Pair();
    pair.client(query('yes'));
    for (const entry of pair.link.entries()) entry.ending = { reason: 'timeout', sqlstate: '57014', message: 'ours' };
    expect(pair.server(row, row, done, ready())).to.equal('DDCZ');
  });

  it('passes the end of what was to be ended and had nothing more to say', () => {
    const pair = new Pair();
    pair.client(query('yes'));
    for (const entry of pair.link.entries())
      entry.ending = { reason: 'permission', sqlstate: '42501', message: 'ours' };
    expect(pair.server(done, ready())).to.equal('CZ');
  });

  it('notices, notifications and settings end nothing', () => {
    const pair = new Pair();
    pair.all = true;
    const notice = e.encodeNoticeResponse({ sqlstate: '00000', message: 'n' });
    const notification = e.encodeNotificationResponse(1, Buffer.from('c'), EMPTY);
    const setting = e.encodeParameterStatus('TimeZone', 'UTC');
    pair.client(query('yes'));
    expect(pair.server(notice, notification, setting, done, notice, ready(), notification)).to.equal('NASCNZA');
    pair.all = false;
    expect(pair.server(notice)).to.equal('');
  });
});

describe('COPY on a link', () => {
  it('lets data wait until the server asks for it, and swallows the Sync that the server swallows', () => {
    const pair = new Pair();
    expect(pair.client(extended('copy'), e.encodeSync(), e.encodeCopyData(Buffer.from('1')))).to.equal(4);
    expect(pair.sent).to.equal('PBES');
    expect(pair.server(e.encodeParseComplete(), e.encodeBindComplete(), copyIn)).to.equal('12G');
    pair.client(e.encodeSync(), e.encodeCopyDone(), e.encodeSync());
    expect(pair.sent).to.equal('dcS');
    expect(pair.server(done, ready())).to.equal('CZ');
  });

  it('sends the Sync that it held when the COPY fails', () => {
    const pair = new Pair();
    pair.client(extended('copy'));
    pair.server(e.encodeParseComplete(), e.encodeBindComplete(), copyIn);
    pair.client(e.encodeCopyData(Buffer.from('1')), e.encodeSync());
    expect(pair.sent).to.equal('PBEd');
    pair.server(error('22P02'));
    expect(pair.sent).to.equal('S');
    expect(pair.server(ready())).to.equal('Z');
  });

  it('is told to fail only between two messages', () => {
    const pair = new Pair();
    pair.client(query('copy'));
    pair.server(copyIn);
    const data = e.encodeCopyData(Buffer.alloc(100));
    pair.client(data.subarray(0, 50));
    expect(pair.link.failCopy('because')).to.equal(true);
    pair.client(data.subarray(50));
    expect(pair.sent).to.equal('Qdf');
  });

  it('takes no other message within', () => {
    const pair = new Pair();
    pair.client(query('copy'));
    pair.server(copyIn);
    expect(() => pair.client(query('yes'))).to.throw(ProtocolError);
  });
});

describe('the proxy’s own question', () => {
  it('is asked behind what is in flight, and nothing of its answer reaches the client', () => {
    const pair = new Pair();
    pair.client(query('f'));
    expect([pair.session.path.schemas, pair.session.wantsToAsk]).to.eql([null, true]);
    pair.link.ask();
    expect(pair.sent).to.equal('QCPBECCS');
    expect(pair.client(query('yes'))).to.equal(0);
    const row = e.encodeDataRow([Buffer.from('["pg_catalog","b"]'), Buffer.from('b, "$user"'), Buffer.from('me')]);
    const closed = e.encodeCloseComplete();
    const answer = [closed, e.encodeParseComplete(), e.encodeBindComplete(), row, done, closed, closed];
    expect(pair.server(done, ready(), ...answer, ready())).to.equal('CZ');
    expect(pair.session.path.schemas).to.eql(['public', 'b', 'me']);
    expect(pair.link.inFlight).to.equal(0);
  });

  it('leaves the path unknown when it was refused', () => {
    const pair = new Pair();
    pair.client(query('f'));
    pair.link.ask();
    expect(pair.server(done, ready(), error('57014'), ready())).to.equal('CZ');
    expect([pair.session.path.schemas, pair.session.wantsToAsk]).to.eql([null, false]);
  });

  it('does not end a batch of the client’s', () => {
    const pair = new Pair();
    pair.client(extended('f'));
    pair.link.ask();
    expect(pair.sent).to.equal('PBECPBECCH');
    expect(pair.server(e.encodeParseComplete(), error('22000'))).to.equal('1E');
    expect(pair.link.inFlight).to.equal(0);
    expect(pair.session.wantsToAsk).to.equal(false);
    pair.client(e.encodeSync());
    expect(pair.server(ready())).to.equal('Z');
  });
});
