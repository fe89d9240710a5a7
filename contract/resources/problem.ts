/** Something wrong with a resource. */
export interface Problem {
  /** From the root of the document to the value that is wrong, or to what should hold it. */
  readonly path: readonly (string | number)[];
  /** What is wrong. Names fields, never values. */
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** Messages in crds/ read `what is wrong: what to do`. */
export function problemOf(path: Problem['path'], text: string): Problem {
  const at = text.indexOf(': ');
  return at < 0 ? { path, message: text } : { path, message: text.slice(0, at), fix: text.slice(at + 2) };
}
