import type { Path, SourceDocument } from './documents.ts';

/** Keys and values of a `kind: Secret`, as the API server would keep them. */
export interface Secret {
  readonly namespace: string;
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
}

/** Something about a Secret; never a value of it. */
export interface SecretProblem {
  readonly path: Path;
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

export interface ReadSecret {
  /** Present unless there are errors. */
  readonly secret?: Secret;
  readonly problems: readonly SecretProblem[];
}

const FIELDS = ['apiVersion', 'kind', 'metadata', 'type', 'data', 'stringData', 'immutable'];

/** `data` holds base64, `stringData` text; stringData wins, as with kubectl apply. */
export function readSecret({ value }: Pick<SourceDocument, 'value'>): ReadSecret {
  const problems: SecretProblem[] = [];
  const fault = (path: Path, message: string): void => void problems.push({ path, severity: 'error', message });
  const document = value as Readonly<Record<string, unknown>>;
  for (const field of Object.keys(document).filter((key) => !FIELDS.includes(key))) {
    fault([field], `is no field of a Secret: there are ${FIELDS.join(', ')}`);
  }
  if (document.apiVersion !== 'v1') fault(['apiVersion'], 'is not the version of a Secret: write v1');
  const { name, namespace } = readMetadata(document.metadata, fault);
  const values = new Map<string, string>();
  for (const field of ['data', 'stringData'] as const) {
    for (const [key, text] of entries(document[field], [field], fault)) {
      const decoded = field === 'data' ? decodeValue(text) : { text };
      if ('error' in decoded) fault([field, key], decoded.error);
      else if ('unusable' in decoded)
        problems.push({ path: [field, key], severity: 'warning', message: decoded.unusable });
      else {
        values.set(key, decoded.text);
        if (/^[^\n]+\n$/.test(decoded.text))
          problems.push({ path: [field, key], severity: 'warning', message: LINE_BREAK });
      }
    }
  }
  if (problems.some(({ severity }) => severity === 'error')) return { problems };
  return { secret: { namespace, name, values }, problems };
}

const LINE_BREAK =
  'ends with a line break, which is part of the value: leave it out (printf %s instead of echo; |- instead of |)';

const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const KEY = /^[-._a-zA-Z0-9]{1,253}$/;

type Fault = (path: Path, message: string) => void;

function readMetadata(metadata: unknown, fault: Fault): { readonly name: string; readonly namespace: string } {
  const { name, namespace = 'default' } = isRecord(metadata) ? metadata : {};
  const good = (text: unknown): text is string => typeof text === 'string' && NAME.test(text);
  if (!good(name)) fault(['metadata', 'name'], 'is missing or no name of a Kubernetes object: write one');
  if (!good(namespace))
    fault(['metadata', 'namespace'], 'is no name of a namespace: use lower-case letters, digits and -');
  return { name: good(name) ? name : '', namespace: good(namespace) ? namespace : '' };
}

function entries(map: unknown, path: Path, fault: Fault): [string, string][] {
  if (map === undefined || map === null) return [];
  if (!isRecord(map)) {
    fault(path, 'is no map: write keys and values');
    return [];
  }
  const found: [string, string][] = [];
  for (const [key, value] of Object.entries(map)) {
    if (!KEY.test(key)) fault([...path, key], 'is no key of a Secret: use letters, digits, -, _ and .');
    else if (typeof value !== 'string') fault([...path, key], 'is no string: put the value in quotes');
    else found.push([key, value]);
  }
  return found;
}

type Decoded = { readonly text: string } | { readonly error: string } | { readonly unusable: string };

function decodeValue(base64: string): Decoded {
  const compact = base64.replaceAll(/\s/g, '');
  const bytes = Buffer.from(compact, 'base64');
  // Buffer.from skips what is not base64; encoding again tells.
  if (bytes.toString('base64') !== compact)
    return { error: 'is no base64: encode the value, or write it under stringData' };
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return { unusable: 'is not UTF-8 text, and is left out' };
  return { text };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
