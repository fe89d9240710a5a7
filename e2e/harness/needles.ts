import { isUtf8 } from 'node:buffer';

/** What must be found nowhere outside the operator's and the databases' namespaces: the words of Secrets, in every spelling. */

interface SecretList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly data?: Readonly<Record<string, string>>;
  }[];
}

/** Shorter ones are names and numbers, which are found everywhere. */
const SHORTEST = 16;
/** Public by nature: handed to every pod, or to whoever connects. */
const PUBLIC = /(^|\.)(ca\.crt|tls\.crt)$/;

/** Of `kubectl get secrets -o json`. */
export function needlesOf(secrets: SecretList): Set<string> {
  const needles = new Set<string>();
  for (const { data = {} } of secrets.items) {
    for (const [key, value] of Object.entries(data)) {
      if (PUBLIC.test(key)) continue;
      const bytes = Buffer.from(value, 'base64');
      const words = isUtf8(bytes) ? wordsOf(bytes.toString('utf8')).map((word) => Buffer.from(word)) : [bytes];
      for (const spelling of words.flatMap(spellingsOf)) needles.add(spelling);
    }
  }
  return needles;
}

/** The strings of JSON, the password of a URL, the lines of a PEM key, or the whole. */
function wordsOf(text: string): string[] {
  const found = /^\s*[[{]/.test(text)
    ? stringsOf(JSON.parse(text))
    : text.includes('-----BEGIN')
      ? text.split('\n').filter((line) => !line.startsWith('-----'))
      : [URL.canParse(text) ? decodeURIComponent(new URL(text).password) : text.trim()];
  return found.filter((word) => word.length >= SHORTEST);
}

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

/** As it is, in hex, in base64 at each of the three places where it may begin; and what base64 stands for, in hex. */
function spellingsOf(word: Buffer): string[] {
  const shifted = [0, 1, 2].map((by) =>
    Buffer.concat([Buffer.alloc(by), word])
      .toString('base64')
      .slice(by === 0 ? 0 : 4, -4),
  );
  const text = isUtf8(word) ? [word.toString('utf8')] : [];
  const stoodFor = text.filter((each) => /^[\w+/-]{22,}=*$/.test(each)).map((each) => Buffer.from(each, 'base64'));
  const spellings = [
    ...text,
    ...shifted,
    ...shifted.map(urlSafe),
    ...[word, ...stoodFor].map((each) => each.toString('hex')),
  ];
  return spellings.filter((spelling) => spelling.length >= 12);
}

const urlSafe = (base64: string): string => base64.replaceAll('+', '-').replaceAll('/', '_');

/** The needles that are in the text; shown shortened, for a report is read by others. */
export function foundIn(text: string, needles: ReadonlySet<string>): string[] {
  return [...needles].filter((needle) => text.includes(needle)).map((needle) => `${needle.slice(0, 4)}…`);
}
