/** A client's life: accept → open → serve → close. */
import type { Socket } from 'node:net';
import { acceptClient, type Accepted } from './connection-accept.ts';
import { openSession } from './connection-open.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { Refusal } from './protocols/refusal.ts';
import { Relay } from './relay.ts';

/** Milliseconds for a client that is refused to take its last message. */
const LAST_WORDS = 2_000;

export class Connection {
  readonly #context: ConnectionContext;
  readonly #over = new AbortController();
  #socket: Socket;
  #relay: Relay | undefined;
  #giveBack: () => void = ignore;

  constructor(context: ConnectionContext, socket: Socket) {
    this.#context = context;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', ignore);
  }

  /** Undefined while the client logs in. */
  get relay(): Relay | undefined {
    return this.#relay;
  }

  /** Resolves when the connection has ended; never rejects. */
  async run(): Promise<void> {
    try {
      const accepted = await this.#accept();
      if (accepted?.kind === 'cancel') {
        await this.#context.cancels.cancel(accepted.pid, accepted.key);
        return;
      }
      if (accepted?.kind === 'refused') this.#context.loginRefused(accepted.reason);
      if (accepted?.kind === 'login') await this.#serve(accepted);
    } catch (error) {
      this.#context.trouble('internal', error instanceof Error ? error.name : 'unknown');
    } finally {
      this.#end();
    }
  }

  /** The client hears why; a login under way just ends. */
  close(refusal: Refusal): void {
    if (this.#relay !== undefined) this.#relay.close(refusal);
    else this.#over.abort();
  }

  async #accept(): Promise<Accepted | undefined> {
    const context = this.#context;
    const deadline = AbortSignal.timeout(context.clientLogin);
    const accepted = await acceptClient(this.#socket, {
      acceptance: context.startAccept(),
      tls: context.tls,
      identify: context.identify,
      signal: AbortSignal.any([deadline, this.#over.signal]),
    });
    if (accepted === undefined && deadline.aborted) return { kind: 'refused', reason: 'deadline' };
    return accepted;
  }

  async #serve(accepted: Extract<Accepted, { kind: 'login' }>): Promise<void> {
    const context = this.#context;
    this.#socket = accepted.socket;
    const gone = (): void => this.#over.abort();
    accepted.socket.once('close', gone);
    const opened = await openSession(context, accepted, this.#over.signal);
    accepted.socket.removeListener('close', gone);
    if ('refusal' in opened) {
      this.#refuse(opened.refusal);
      return;
    }
    this.#giveBack = opened.close;
    if (accepted.socket.destroyed) return;
    await new Promise<void>((over) => {
      const relay = new Relay({ ...opened.relay, client: accepted.socket, over });
      this.#relay = relay;
      accepted.socket.write(opened.welcome);
      relay.start(accepted.rest, opened.fromServer);
      context.opened(relay);
    });
  }

  #refuse(refusal: Refusal): void {
    this.#socket.end(this.#context.protocol.farewell(refusal));
  }

  #end(): void {
    const socket = this.#socket;
    this.#giveBack();
    if (socket.destroyed) return;
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LAST_WORDS);
    socket.once('close', () => clearTimeout(timer));
    socket.resume();
  }
}

const ignore = (): void => undefined;
