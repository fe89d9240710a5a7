import { StartError, UsageError, parseFlags, renderHelp } from '#proxy/flags';
import type { Command, Flags } from '#proxy/flags';
import { VERSION } from '#proxy/version';

/** A command and what it does; `run` gives the exit code. Modules are loaded when they are asked for. */
interface Entry {
  readonly command: Command;
  run(flags: Flags): Promise<number>;
}

const COMMANDS: Readonly<Record<string, { readonly about: string; load(): Promise<Entry> }>> = {
  standalone: {
    about: 'serve the resources in a folder: proxy and policy in one process',
    load: async () => {
      const { STANDALONE, runStandalone } = await import('./standalone/command.ts');
      return { command: STANDALONE, run: runStandalone };
    },
  },
  check: {
    about: 'say what is wrong with the resources in a folder',
    load: async () => {
      const { CHECK, runCheck } = await import('./check/command.ts');
      return { command: CHECK, run: runCheck };
    },
  },
  proxy: {
    about: 'serve a compiled policy, as a sidecar does',
    load: async () => {
      const { PROXY, runProxy } = await import('#proxy/proxy-command');
      return { command: PROXY, run: runProxy };
    },
  },
  operator: {
    about: 'watch the resources of a cluster and bring them to its proxies',
    load: async () => {
      const { OPERATOR, runOperatorCommand } = await import('./operator/command.ts');
      return { command: OPERATOR, run: runOperatorCommand };
    },
  },
};

const HELP = `usage: articdbm COMMAND …

${Object.entries(COMMANDS)
  .map(([name, { about }]) => `  ${name.padEnd(12)}${about}`)
  .join('\n')}

\`articdbm COMMAND --help\` tells more. --version prints the version.
`;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version' || name === '-v') return print(`articdbm ${VERSION}\n`);
  if (name === '--help' || name === '-h' || name === 'help') return print(HELP);
  const found = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found === undefined) {
    return complain(name === undefined ? 'no command' : `unknown command ${name}`, HELP);
  }
  return runCommand(await found.load(), rest);
}

async function runCommand(entry: Entry, argv: readonly string[]): Promise<number> {
  const { command } = entry;
  try {
    const flags = parseFlags(command, argv, process.env);
    return flags.help ? print(renderHelp(command)) : await entry.run(flags);
  } catch (error) {
    if (error instanceof StartError) return complain(error.message, '', 1);
    if (!(error instanceof UsageError)) throw error;
    return complain(error.message, `usage: ${command.usage}\n--help tells more\n`);
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(what: string, help: string, code = 2): number {
  process.stderr.write(`articdbm: ${what}\n${help}`);
  return code;
}

process.exitCode = await main(process.argv.slice(2));
// Whatever still holds the process when a command has ended is not waited for.
setTimeout(() => process.exit(), 2_000).unref();
