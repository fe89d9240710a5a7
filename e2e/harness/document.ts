import { readFileSync } from 'node:fs';

/** A fenced `sh` block of a document, and what the `text` block right after it says that it prints. */
export interface Step {
  readonly line: number;
  readonly heading: string;
  readonly commands: string;
  readonly prints: string | undefined;
}

const FENCE = /^```(\w*)$/;

interface Block {
  readonly kind: string;
  readonly line: number;
  readonly heading: string;
  readonly text: string;
}

/** The steps of a Markdown file, in their order. */
export function stepsOf(file: string): Step[] {
  const blocks = blocksOf(readFileSync(file, 'utf8'));
  return blocks.flatMap(({ kind, line, heading, text }, index) => {
    if (kind !== 'sh') return [];
    const next = blocks[index + 1];
    return [{ line, heading, commands: text, prints: next?.kind === 'text' ? next.text : undefined }];
  });
}

function blocksOf(document: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  let open: { kind: string; line: number; lines: string[] } | undefined;
  document.split('\n').forEach((text, index) => {
    const fence = FENCE.exec(text);
    if (open !== undefined && fence !== null) {
      blocks.push({ kind: open.kind, line: open.line, heading, text: open.lines.map((line) => `${line}\n`).join('') });
      open = undefined;
    } else if (open !== undefined) open.lines.push(text);
    else if (fence !== null) open = { kind: fence[1] ?? '', line: index + 1, lines: [] };
    else if (text.startsWith('#')) heading = text.replace(/^#+ /, '');
  });
  return blocks;
}

/** Whether `printed` is what a document shows: line by line, where `…` stands for anything, and alone on a line for any lines. */
export function printsAs(shown: string, printed: string): boolean {
  const pattern = shown
    .split('\n')
    .map((line) => (line === '…' ? '(?:.*\n)*' : `${line.split('…').map(escaped).join('.*')}\n`))
    .join('');
  return new RegExp(`^${pattern.replace(/\n$/, '')}$`).test(printed);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
