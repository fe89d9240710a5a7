import { parseArgs } from 'node:util';

/** One flag of a command. Each is also the variable ARTICDBM_<FLAG>; the flag wins. */
export interface Flag {
  /** kebab-case. */
  readonly name: string;
  /** What stands for the value in help, such as HOST:PORT. Empty: a switch, which takes none; its variable is true or false. */
  readonly value: string;
  readonly help: string;
  /** May be given several times; its variable holds a list separated by commas. */
  readonly many?: boolean;
  readonly default?: string;
}

export interface Command {
  /** `articdbm standalone DIR`, as help shows it. */
  readonly usage: string;
  readonly about: string;
  readonly flags: readonly Flag[];
}

/** The command line was not understood. The message is for whoever typed it. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}

/** The command line is right and the command can not begin all the same, for a reason outside. */
export class StartError extends Error {
  readonly code = 'START';
}

export class Flags {
  readonly positionals: readonly string[];
  readonly help: boolean;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], help: boolean, values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.help = help;
    this.#values = values;
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** undefined: not given, and there is no default. */
  get(name: string): string | undefined {
    return this.all(name).at(-1);
  }

  required(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new UsageError(`--${name} is missing`);
    return value;
  }

  integer(name: string, least: number, most: number): number {
    const text = this.required(name);
    const number = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    throw new UsageError(`--${name} is a whole number from ${least} to ${most}`);
  }

  /** A duration in milliseconds, written as 500ms, 3s, 10m, 1h or 90d. */
  duration(name: string): number {
    const [, count, unit] = /^([0-9]{1,6})(ms|s|m|h|d)$/.exec(this.required(name)) ?? [];
    const factor = unit === undefined ? undefined : UNITS[unit];
    if (factor === undefined) throw new UsageError(`--${name} is a duration such as 500ms, 3s or 10m`);
    return Number(count) * factor;
  }

  /** Of a switch. */
  on(name: string): boolean {
    const value = this.get(name);
    if (value !== undefined && value !== 'true' && value !== 'false') {
      throw new UsageError(`${variableOf({ name })} is true or false`);
    }
    return value === 'true';
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
    const found = values.find((value) => value === this.get(name));
    if (found === undefined) throw new UsageError(`--${name} is one of ${values.join(', ')}`);
    return found;
  }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Throws UsageError. `environment` is process.env. */
export function parseFlags(command: Command, argv: readonly string[], environment: NodeJS.ProcessEnv): Flags {
  const options = Object.fromEntries(
    command.flags.map(({ name, value }) => [
      name,
      { type: value === '' ? ('boolean' as const) : ('string' as const), multiple: true },
    ]),
  );
  const { values, positionals } = parseStrictly(command, argv, {
    ...options,
    help: { type: 'boolean' as const, short: 'h' },
  });
  const found = new Map<string, readonly string[]>();
  for (const flag of command.flags) {
    const typed = (values[flag.name] as (string | boolean)[] | undefined)?.map(String);
    const chosen = typed ?? fromEnvironment(flag, environment[variableOf(flag)]);
    if (chosen !== undefined) found.set(flag.name, chosen);
    if (typed !== undefined && typed.length > 1 && flag.many !== true) {
      throw new UsageError(`--${flag.name} is given more than once`);
    }
  }
  return new Flags(positionals, values.help === true, found);
}

type Options = NonNullable<Parameters<typeof parseArgs>[0]>['options'];

function parseStrictly(
  command: Command,
  argv: readonly string[],
  options: NonNullable<Options>,
): { readonly values: Readonly<Record<string, unknown>>; readonly positionals: string[] } {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw new UsageError(unknownFlag(command, argv), { cause: error });
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
    throw new UsageError('a flag lacks its value, or has one and takes none: write --flag VALUE or --flag=VALUE', {
      cause: error,
    });
  }
}

function unknownFlag({ flags }: Command, argv: readonly string[]): string {
  const known = [...flags.map(({ name }) => `--${name}`), '--help', '-h'];
  const unknown = argv
    .map((word) => word.split('=', 1)[0] ?? '')
    .find((word) => /^-./.test(word) && !known.includes(word));
  const near = known.find((name) => unknown !== undefined && (name.startsWith(unknown) || unknown.startsWith(name)));
  const hint = near === undefined ? `there are ${known.slice(0, -1).join(', ')}` : `did you mean ${near}?`;
  return `unknown flag ${unknown ?? ''}: ${hint}`;
}

const variableOf = ({ name }: Pick<Flag, 'name'>): string => `ARTICDBM_${name.toUpperCase().replaceAll('-', '_')}`;

function fromEnvironment(flag: Flag, text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text === '') return flag.default === undefined ? undefined : [flag.default];
  return flag.many === true ? text.split(',').map((part) => part.trim()) : [text];
}

export function renderHelp({ usage, about, flags }: Command): string {
  const rows = [...flags.map(flagRow), ['-h, --help', 'this text']];
  const width = Math.max(...rows.map(([left = '']) => left.length)) + 2;
  const lines = rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}${right}`);
  const variables = flags.length === 0 ? '' : `\n${VARIABLES}\n`;
  return `usage: ${usage}\n\n${about.trim()}\n\nflags:\n${lines.join('\n')}\n${variables}`;
}

const VARIABLES = `Each flag is also a variable: --max-connections is ARTICDBM_MAX_CONNECTIONS. The flag wins. A flag that may be
given several times is a list separated by commas there.`;

function flagRow(flag: Flag): [string, string] {
  const more = [
    flag.many === true ? 'may be given several times' : '',
    flag.default === undefined ? '' : `default ${flag.default}`,
  ];
  const notes = more.filter((note) => note !== '').join('; ');
  return [`--${flag.name} ${flag.value}`.trimEnd(), notes === '' ? flag.help : `${flag.help} (${notes})`];
}

/** HOST:PORT or [IPv6]:PORT. Throws UsageError naming the flag. */
export function parseAddress(flag: string, text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:/]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new UsageError(`--${flag} is HOST:PORT, such as 127.0.0.1:15432`);
  return { host, port: Number(port) };
}

/** BACKEND=HOST:PORT, the backend as name or namespace/name. */
export function parseListen(text: string): { readonly backend: string; readonly host: string; readonly port: number } {
  const [, backend, address] = /^([-.a-z0-9]+(?:\/[-.a-z0-9]+)?)=(.+)$/.exec(text) ?? [];
  if (backend === undefined || address === undefined) {
    throw new UsageError('--listen is BACKEND=HOST:PORT, such as shop=127.0.0.1:15432');
  }
  return { backend: backend.includes('/') ? backend : `default/${backend}`, ...parseAddress('listen', address) };
}
