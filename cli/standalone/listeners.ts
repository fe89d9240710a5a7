import type { ListenerConfig } from '#proxy/config';

/** The protocol's own port + 10000, and upward for each further backend. */
const FIRST_PORT = { postgresql: 15_432 } as const;
const HOST = '127.0.0.1';

export interface NeedsListener {
  /** `namespace/name`. */
  readonly id: string;
  readonly protocol: keyof typeof FIRST_PORT;
}

/**
 * Listeners for the backends that have none yet: where --listen says, else on the lowest port that no other has.
 * Backends are taken by name, so that the same folder gets the same ports at each start; who has a port keeps it.
 */
export function planListeners(
  backends: readonly NeedsListener[],
  open: ReadonlyMap<string, ListenerConfig>,
  asked: ReadonlyMap<string, ListenerConfig>,
): ListenerConfig[] {
  const taken = new Set([...open.values(), ...asked.values()].map(({ port }) => port));
  const planned: ListenerConfig[] = [];
  for (const { id, protocol } of backends.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    if (open.has(id)) continue;
    const explicit = asked.get(id);
    let port = FIRST_PORT[protocol];
    while (explicit === undefined && taken.has(port)) port += 1;
    const listener = explicit ?? { backend: id, host: HOST, port };
    taken.add(listener.port);
    planned.push(listener);
  }
  return planned;
}
