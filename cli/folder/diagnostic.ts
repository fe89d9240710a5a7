/** Something to tell whoever wrote the files: where it is, what is wrong, what to do. */
export interface Diagnostic {
  /** As it can be opened from where the command runs. */
  readonly file: string;
  /** 1-based; absent when it is about the file as a whole. */
  readonly line?: number;
  readonly column?: number;
  readonly severity: 'error' | 'warning';
  /** What it is about: `DbUser default/app spec.limits`. */
  readonly subject?: string;
  /** What is wrong and what to do. Never a value out of a file: it might be a password. */
  readonly message: string;
}

/** `file:line:column: error: subject: message`, the form that editors and CI systems turn into links. */
export function formatDiagnostic({ file, line, column, severity, subject, message }: Diagnostic): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return printable(`${place}: ${severity}: ${subject === undefined ? '' : `${subject}: `}${message}`);
}

/** Names and paths come from files: what would move the cursor, hide text or begin a line is shown as ?. */
export const printable = (text: string): string => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');

/** By file as listed, then by line. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.toSorted(
    (a, b) =>
      compare(a.file, b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0) ||
      compare(a.message, b.message),
  );
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
