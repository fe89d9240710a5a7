import { printable } from '../folder/diagnostic.ts';

/** Columns set as kubectl sets them: three spaces apart, no lines; empty for no rows. A column without any cell is left out. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const kept = header.map((_, column) => rows.some((row) => (row[column] ?? '') !== ''));
  const lines = [header, ...rows].map((row) => row.filter((_, column) => kept[column]).map(printable));
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}
