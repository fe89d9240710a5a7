/** What a client asks for in its start-up packet: ProcessStartupPacket and pg_split_opts of the server, in pure form. */
import { ProtocolError } from '../protocol.ts';
import { IDENTIFIER_BYTES } from './messages.ts';
import type { StartupMessage } from './decode-login.ts';
import type { ErrorFields } from './encode.ts';
import type { Minor } from './messages.ts';

export type Setting = readonly [name: string, value: string];

export interface RequestedLogin {
  /** Empty: none was named. */
  readonly user: string;
  readonly database: string | undefined;
  readonly minor: Minor;
  /** Asked for a replication connection. */
  readonly replication: boolean;
  /** _pq_. options, none of which we know. */
  readonly unknownOptions: readonly Buffer[];
  /** `options` first, then the packet's own, as the server applies them; the last of a name only; not judged yet. */
  readonly settings: readonly Setting[];
  /** What is wrong with `options`: told only after authentication, as the server does. */
  readonly optionsError: ErrorFields | undefined;
}

/** Throws ProtocolError on values that are not UTF-8 (22021). Of repeated parameters the last one wins. */
export function readStartup(message: StartupMessage): RequestedLogin {
  const unknownOptions: Buffer[] = [];
  const own = new Map<string, string>();
  const packet: Setting[] = [];
  for (const [nameBytes, valueBytes] of message.parameters) {
    const name = utf8(nameBytes);
    if (name.startsWith('_pq_.')) unknownOptions.push(Buffer.from(nameBytes));
    else if (OWN_PARAMETERS.has(name)) own.set(name, utf8(valueBytes));
    else packet.push([lowerCased(name), utf8(valueBytes)]);
  }
  const options = readOptions(own.get('options') ?? '');
  const database = cutIdentifier(own.get('database') ?? '');
  return {
    user: cutIdentifier(own.get('user') ?? ''),
    database: database === '' ? undefined : database,
    minor: message.minor >= 2 ? 2 : 0,
    replication: !isOff(own.get('replication')),
    unknownOptions,
    settings: lastOfEach([...(options.ok ? options.settings : []), ...packet]),
    optionsError: options.ok ? undefined : options.error,
  };
}

/** Parameters that are no settings; the server compares their names exactly. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set(['user', 'database', 'options', 'replication']);

/** parse_bool takes any beginning of `false` and `no`; `o` alone would be `on` as well. */
const OFF: ReadonlySet<string> = new Set(['0', 'f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off']);

const isOff = (value: string | undefined): boolean => value === undefined || OFF.has(value.toLowerCase());

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new ProtocolError('22021', 'invalid byte sequence for encoding "UTF8"', { cause: error });
  }
}

/** Names of settings compare without case in ASCII (guc_name_compare). */
const lowerCased = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** As names are stored: 63 bytes, no half character. */
function cutIdentifier(name: string): string {
  const bytes = Buffer.from(name, 'utf8');
  if (bytes.length <= IDENTIFIER_BYTES) return name;
  let end = IDENTIFIER_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8');
}

function lastOfEach(settings: readonly Setting[]): readonly Setting[] {
  const last = new Map<string, string>();
  for (const [name, value] of settings) {
    last.delete(name);
    last.set(name, value);
  }
  return [...last];
}

type Options =
  { readonly ok: true; readonly settings: readonly Setting[] } | { readonly ok: false; readonly error: ErrorFields };

/**
 * `options` is a command line: `-c name=value`, `-cname=value`, `--name=value`. The server's other switches are
 * refused: they set what no allow-list has judged.
 */
function readOptions(text: string): Options {
  const settings: Setting[] = [];
  const words = splitOptions(text);
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    let assignment: string | undefined;
    if (word === '-c') assignment = words[(at += 1)];
    else if (word.startsWith('-c')) assignment = word.slice(2);
    else if (word.startsWith('--') && word.length > 2) assignment = word.slice(2);
    const setting = readAssignment(assignment);
    if (setting === undefined) return { ok: false, error: OPTIONS_ERROR };
    settings.push(setting);
  }
  return { ok: true, settings };
}

const OPTIONS_ERROR: ErrorFields = {
  sqlstate: '42601',
  message: 'invalid command-line argument in the start-up parameter "options"',
  hint: 'Only -c name=value and --name=value are accepted.',
};

/** ParseLongOption: the name ends at the first `=`, and `-` in it stands for `_`. */
function readAssignment(text: string | undefined): Setting | undefined {
  const at = text?.indexOf('=') ?? -1;
  if (text === undefined || at < 1) return undefined;
  return [lowerCased(text.slice(0, at).replaceAll('-', '_')), text.slice(at + 1)];
}

/** pg_split_opts: words between white space (isspace in the C locale); a backslash takes the next sign as it is. */
export function splitOptions(text: string): readonly string[] {
  const words: string[] = [];
  let word = '';
  let inWord = false;
  for (let at = 0; at < text.length; at += 1) {
    let sign = text.charAt(at);
    if (/[ \t\n\v\f\r]/.test(sign)) {
      if (inWord) words.push(word);
      word = '';
      inWord = false;
      continue;
    }
    if (sign === '\\') sign = text.charAt((at += 1)); // a last one stands for nothing
    word += sign;
    inWord = true;
  }
  if (inWord) words.push(word);
  return words;
}
