import type { Amounts, InjectConfig } from './inject-config.ts';

/** What every node has. Others (a GPU) a proxy has no use for; hugepages would need a volume. */
const RESOURCES = ['cpu', 'memory', 'ephemeral-storage'] as const;

/**
 * A quantity as Kubernetes writes it (apimachinery: api/resource/quantity.go), in thousandths of its unit; none of those
 * that are here is so great that a double would not do. undefined: it is none, or not above nothing.
 */
export function thousandthsOf(quantity: string): number | undefined {
  const [, digits, suffix, exponent] =
    /^([0-9]{1,15}(?:\.[0-9]{0,9})?)(?:([KMGTPE]i|[numkMGTPE])|[eE]([-+]?[0-9]{1,2}))?$/.exec(quantity) ?? [];
  if (digits === undefined) return undefined;
  const factor = suffix === undefined ? 10 ** Number(exponent ?? 0) : FACTORS[suffix];
  const thousandths = Number(digits) * (factor ?? NaN) * 1000;
  return thousandths > 0 && Number.isFinite(thousandths) ? thousandths : undefined;
}

const DECIMAL = { n: 1e-9, u: 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };
const BINARY = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60 };
const FACTORS: Readonly<Record<string, number>> = { ...DECIMAL, ...BINARY };

/** `cpu=10m,memory=96Mi`; an empty text is none at all. A text: what is wrong with it. */
export function parseAmounts(text: string): Amounts | string {
  const amounts: Record<string, string> = {};
  for (const part of text === '' ? [] : text.split(',')) {
    const [, name = '', quantity = ''] = /^ *([^= ]*)=([^= ]*) *$/.exec(part) ?? [];
    if (!RESOURCES.some((known) => known === name)) {
      return `resources are ${RESOURCES.join(', ')}, each as in cpu=10m`;
    }
    if (name in amounts) return `${name} is there twice`;
    if (thousandthsOf(quantity) === undefined) {
      return `the quantity of ${name} is written as Kubernetes does, such as 10m, 0.5 or 96Mi`;
    }
    amounts[name] = quantity;
  }
  return amounts;
}

/** The resource of which more is asked for than may be used, so that the API server would take no pod; undefined: none. */
export const exceeded = ({ requests, limits }: InjectConfig['resources']): string | undefined =>
  Object.keys(requests).find((name) => {
    const [asked, most] = [requests[name], limits[name]];
    return asked !== undefined && most !== undefined && (thousandthsOf(asked) ?? 0) > (thousandthsOf(most) ?? 0);
  });
