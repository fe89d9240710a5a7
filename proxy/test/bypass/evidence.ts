import { errorFields, rows, tags } from '#test/harness/raw-client';
import type { Message, RawClient } from '#test/harness/raw-client';
import type { Attacker } from './attacker.ts';
import type { Evidence } from './case.ts';
import { MARKER } from './fixture.ts';

/** The marker as it is, in hexadecimal (bytea, XML), and in base64 at each of the three places where it may begin. */
const FORMS: readonly string[] = [
  MARKER,
  MARKER.toUpperCase(),
  Buffer.from(MARKER).toString('hex'),
  ...[0, 1, 2].map((shift) =>
    Buffer.from(' '.repeat(shift) + MARKER)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  ),
];

export function holdsMarker(messages: readonly Message[]): boolean {
  const all = Buffer.concat(messages.map(({ body }) => body)).toString('latin1');
  return FORMS.some((form) => all.includes(form));
}

/** Whether the forbidden thing has been read or done. */
export async function shows(evidence: Evidence, attacker: Attacker, owner: RawClient): Promise<boolean> {
  const { received } = attacker;
  switch (evidence.kind) {
    case 'marker':
      return holdsMarker(received);
    case 'rows':
      return received.some(({ type }) => 'Dd'.includes(type)) && evidence.pattern.test(rowsText(received));
    case 'result':
      return received.some(({ type, body }) => type === 'V' && evidence.pattern.test(body.subarray(4).toString()));
    case 'tag':
      return tags(received).includes(evidence.tag);
    case 'change':
      return await answersTrue(owner, evidence.probe);
    case 'notified':
      return (await owner.query('select 1')).some(({ type }) => type === 'A');
  }
}

function rowsText(messages: readonly Message[]): string {
  const copied = messages.filter(({ type }) => type === 'd').map(({ body }) => body.toString());
  return [...rows(messages).map((row) => row.join('|')), ...copied].join('\n');
}

/** For messages of assertions: what came, in short. */
export function summary(messages: readonly Message[]): string {
  const words = messages.map((message) =>
    message.type === 'E' ? `E(${errorFields(message).C ?? ''} ${errorFields(message).M ?? ''})` : message.type,
  );
  return words.join(' ');
}

async function answersTrue(owner: RawClient, probe: string): Promise<boolean> {
  const reply = await owner.query(probe);
  const failed = reply.find(({ type }) => type === 'E');
  if (failed !== undefined) throw new Error(`the probe itself fails: ${summary(reply)}`);
  return rows(reply)[0]?.[0] === 't';
}
