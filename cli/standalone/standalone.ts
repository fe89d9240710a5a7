import { addressText } from '#contract/addresses';
import type { ListenerConfig } from '#proxy/config';
import type { Serving } from '#proxy/serve';
import { formatDiagnostic } from '../folder/diagnostic.ts';
import type { Diagnostic } from '../folder/diagnostic.ts';
import type { Console } from './console.ts';
import type { FolderPolicy, Look } from './folder-policy.ts';
import { planListeners } from './listeners.ts';
import { renderStatus } from './status.ts';

interface Parts {
  readonly policy: FolderPolicy;
  readonly serving: Serving;
  /** What --listen said, by backend `namespace/name`. */
  readonly asked: ReadonlyMap<string, ListenerConfig>;
  readonly out: Console;
}

type Sound = Extract<Look, { kind: 'sound' }>;

/** Turns what the folder says into listeners, and into words for whoever watches. */
export class Standalone {
  readonly #parts: Parts;
  readonly #open = new Map<string, ListenerConfig>();
  #wasBroken = false;
  #told = '';
  #exposureTold = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The first policy is there. false, and said why: a listener could not be opened. */
  async open(diagnostics: readonly Diagnostic[]): Promise<boolean> {
    const { policy, asked, out } = this.#parts;
    this.#warnOfExposure();
    const known = new Set(policy.inForce?.loaded.backends.map(({ metadata }) => idOf(metadata)));
    for (const backend of asked.keys()) {
      if (!known.has(backend)) out.say(`--listen names ${backend}, which is not there yet: it is opened when it comes`);
    }
    if (known.size === 0) out.say('there is no DatabaseBackend yet: clients can connect when one comes');
    const opened = await this.#openListeners();
    this.#tell(diagnostics);
    if (opened) {
      this.#parts.serving.opened();
      this.#showTable();
    }
    return opened;
  }

  /** Looks at the folder again. Never rejects: the proxy goes on with what it has. */
  async look(reported: boolean): Promise<void> {
    const { policy, out } = this.#parts;
    this.#parts.serving.lookAtCertificate();
    try {
      const look = await policy.look(reported);
      if (look.kind === 'broken') this.#tellBroken(look);
      if (look.kind === 'sound') await this.#tellSound(look);
      this.#showTable(); // time alone may change it: something expires
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.name : 'unknown');
      out.say(`the folder could not be read (${code}): what is in force stays`);
    }
  }

  #tellBroken({ diagnostics }: Extract<Look, { kind: 'broken' }>): void {
    const { policy, out } = this.#parts;
    this.#wasBroken = true;
    if (!this.#tell(diagnostics)) return;
    out.say(`the folder is not valid: revision ${policy.inForce?.current.revision ?? 0} stays in force`);
  }

  async #tellSound(look: Sound): Promise<void> {
    const { policy, out } = this.#parts;
    this.#tell(look.diagnostics);
    const revision = policy.inForce?.current.revision ?? 0;
    if (look.swapped) out.say(`revision ${revision} is in force`);
    else if (this.#wasBroken)
      out.say(`the folder is valid again and says what it said: revision ${revision} stays in force`);
    this.#wasBroken = false;
    this.#warnOfExposure();
    await this.#openListeners();
  }

  /** false: it is what was told last, and is not told again. */
  #tell(diagnostics: readonly Diagnostic[]): boolean {
    const text = diagnostics.map(formatDiagnostic).join('\n');
    if (text === this.#told) return false;
    this.#told = text;
    this.#parts.out.diagnostics(diagnostics);
    return true;
  }

  /** false, and said why: one could not be opened; it is tried again at the next change. */
  async #openListeners(): Promise<boolean> {
    const { policy, serving, asked, out } = this.#parts;
    const backends = policy.inForce?.compiled.snapshot.backends ?? [];
    let all = true;
    for (const listener of planListeners(backends, this.#open, asked)) {
      const { backend, host, port } = listener;
      try {
        this.#open.set(backend, await serving.listen(listener));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === undefined) throw error;
        all = false;
        const advice = `choose another address with --listen ${backend}=HOST:PORT`;
        out.say(`${addressText(host, port)} for ${backend} can not be opened (${code}): ${advice}`);
      }
    }
    return all;
  }

  #warnOfExposure(): void {
    const { policy, out } = this.#parts;
    const [first, ...more] = policy.inForce?.loaded.exposed ?? [];
    if (first === undefined || this.#exposureTold) return;
    this.#exposureTold = true;
    const others = more.length === 0 ? '' : ` and ${more.length} more`;
    out.say(`warning: every user of this machine can read the Secrets in ${first}${others}: chmod o-r`);
  }

  #showTable(): void {
    const { policy, out } = this.#parts;
    if (policy.inForce === undefined) return;
    const { loaded, compiled } = policy.inForce;
    const addresses = new Map([...this.#open].map(([id, { host, port }]) => [id, addressText(host, port)]));
    out.table(renderStatus({ ...loaded, findings: compiled.findings, addresses }, Date.now()));
  }
}

const idOf = ({ namespace, name }: { readonly namespace?: string; readonly name: string }): string =>
  `${namespace ?? 'default'}/${name}`;
