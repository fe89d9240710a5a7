/**
 * Resolves every relative link of every Markdown file of the project: the file is there, and where the link has a
 * fragment into a source file (`relay.ts#serve`), that file declares the symbol. In docs/architecture.md it also checks
 * that each walk (a heading that begins "The walk of") opens files in order and never goes back to an earlier one.
 */
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Link {
  readonly file: string;
  readonly line: number;
  readonly target: string;
  readonly symbol: string | undefined;
}

const LINK = /\]\(([^)\s#]*)(?:#([^)\s]+))?\)/g;

function linksOf(file: string): Link[] {
  const links: Link[] = [];
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((text, index) => {
      for (const match of text.replaceAll(/`[^`]*`/g, '').matchAll(LINK)) {
        const [, path = '', symbol] = match;
        if (/^[a-z]+:/.test(path)) continue;
        links.push({
          file,
          line: index + 1,
          target: path === '' ? file : normalize(join(dirname(file), path)),
          symbol,
        });
      }
    });
  return links;
}

function declares(source: string, symbol: string): boolean {
  const name = symbol.replace(/[^\w$]/g, '');
  return new RegExp(
    `(?:(?:function\\*?|const|let|class|interface|type)\\s+${name}\\b)|(?:^\\s*(?:(?:private|static|async|readonly|get|set|protected)\\s+)*#?${name}\\s*(?:\\(|=|:|<))`,
    'm',
  ).test(source);
}

function problemOf(link: Link): string | undefined {
  if (!existsSync(link.target)) return `no such file: ${link.target}`;
  if (link.symbol === undefined || statSync(link.target).isDirectory()) return undefined;
  const content = readFileSync(link.target, 'utf8');
  if (link.target.endsWith('.md')) {
    const anchors = [...content.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
    return anchors.includes(link.symbol) ? undefined : `no heading #${link.symbol} in ${link.target}`;
  }
  return declares(content, link.symbol) ? undefined : `${link.target} declares no ${link.symbol}`;
}

/** The steps of each walk, and where one goes back to a file that was left. */
function walksGoingBack(file: string): string[] {
  const problems: string[] = [];
  for (const section of readFileSync(file, 'utf8').split(/^## /m)) {
    if (!section.startsWith('The walk of')) continue;
    const steps = section.split('\n').filter((line) => /^\d+\. /.test(line));
    const left = new Set<string>();
    let current: string | undefined;
    for (const line of steps) {
      for (const [, path = ''] of line.matchAll(LINK)) {
        if (!path.endsWith('.ts') || path === current) continue;
        if (current !== undefined) left.add(current);
        if (left.has(path)) problems.push(`${file}: "${line.slice(0, 60)}…" goes back to ${path}`);
        current = path;
      }
    }
    if (steps.length < 5)
      problems.push(`${file}: a walk of ${String(steps.length)} steps; its numbered list was not found`);
  }
  return problems;
}

function main(): number {
  const files = globSync('**/*.md', {
    exclude: (name) => /(^|\/)(node_modules|dist|dist-bundle|coverage)(\/|$)/.test(name),
  });
  const links = files.flatMap(linksOf);
  const problems = links.flatMap((link) => {
    const problem = problemOf(link);
    return problem === undefined ? [] : [`${link.file}:${String(link.line)}: ${problem}`];
  });
  const architecture = 'docs/architecture.md';
  if (existsSync(architecture)) problems.push(...walksGoingBack(architecture));
  else problems.push(`${architecture} is missing`);
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) console.log(`${String(links.length)} links in ${String(files.length)} files`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = main();
