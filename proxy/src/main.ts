import { StartError, UsageError, parseFlags, renderHelp } from './flags.ts';
import { PROXY, runProxy } from './proxy-command.ts';
import { VERSION } from './version.ts';

/**
 * Entry of the small bundle that a sidecar runs: `articdbm proxy` and nothing else, so that neither YAML nor schemas nor
 * the command line's other parts take memory in every pod. As it may also be called by the whole command's words, a
 * leading `proxy` is passed over.
 */
async function main(argv: readonly string[]): Promise<number> {
  const args = argv[0] === 'proxy' ? argv.slice(1) : argv;
  if (args[0] === '--version') return print(`articdbm ${VERSION}\n`);
  try {
    const flags = parseFlags(PROXY, args, process.env);
    return flags.help ? print(renderHelp(PROXY)) : await runProxy(flags);
  } catch (error) {
    if (error instanceof StartError) return complain(error.message, 1);
    if (error instanceof UsageError) return complain(`${error.message}\nusage: ${PROXY.usage}`, 2);
    throw error;
  }
}

function complain(what: string, code: number): number {
  process.stderr.write(`articdbm: ${what}\n`);
  return code;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
setTimeout(() => process.exit(), 2_000).unref();
