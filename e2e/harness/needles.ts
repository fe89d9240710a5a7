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
      for (const word of wordsOf(Buffer.from(value, 'base64').toString('utf8'))) {
        for (const spelling of spellingsOf(word)) needles.add(spelling);
      }
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

/** As it is, in base64 at each of the three places where it may begin, and, when it is base64 itself, what it stands for in hex. */
function spellingsOf(word: string): string[] {
  const shifted = [0, 1, 2].map((by) =>
    Buffer.from(`${' '.repeat(by)}${word}`)
      .toString('base64')
      .slice(by === 0 ? 0 : 4, -4),
  );
  const bytes = /^[\w+/-]{22,}=*$/.test(word) ? [Buffer.from(word, 'base64').toString('hex')] : [];
  return [word, ...shifted, ...bytes].filter((spelling) => spelling.length >= 12);
}

/** The needles that are in the text; shown shortened, for a report is read by others. */
export function foundIn(text: string, needles: ReadonlySet<string>): string[] {
  return [...needles].filter((needle) => text.includes(needle)).map((needle) => `${needle.slice(0, 4)}…`);
}
