import { once } from 'node:events';
import net from 'node:net';

/** TCP to one port, through which a test makes a network bad. */
export interface CutProxy {
  readonly port: number;
  readonly connections: number;
  /** Ends all connections at once, as a router that reboots: with a reset. */
  cut(): number;
  /** Lets nothing more through, in either direction, and says nothing: until thawed. New connections hang too. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

export async function startCutProxy(target: number): Promise<CutProxy> {
  const proxy = new Proxy(target);
  proxy.server.listen(0, '127.0.0.1');
  await once(proxy.server, 'listening');
  return proxy;
}

class Proxy implements CutProxy {
  readonly server: net.Server;
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>();
  #frozen = false;

  constructor(target: number) {
    this.server = net.createServer({ noDelay: true }, (client) => {
      const upstream = net.connect({ port: target, host: '127.0.0.1', noDelay: true });
      const pair = [client, upstream] as const;
      this.#pairs.add(pair);
      const end = (): void => {
        this.#pairs.delete(pair);
        client.destroy();
        upstream.destroy();
      };
      for (const [from, to] of [pair, [upstream, client] as const]) {
        from.on('error', end);
        from.on('close', end);
        from.pipe(to);
        if (this.#frozen) from.pause();
      }
    });
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  cut(): number {
    const pairs = [...this.#pairs];
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
    return pairs.length;
  }

  freeze(): void {
    this.#frozen = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  thaw(): void {
    this.#frozen = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    await closed;
  }
}
