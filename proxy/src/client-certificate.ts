/** The certificate that clients are shown, and the files that it comes from, which may be renewed while the process runs. */
import { X509Certificate } from 'node:crypto';
import { Gauge, type Registry } from 'prom-client';
import type { ClientCertificate } from './config.ts';
import { UsageError } from './flags.ts';

export interface CertificateOptions {
  /** What is served now. undefined: no TLS, and then there is nothing to look at. */
  readonly served: ClientCertificate | undefined;
  /** Reads the files. Throws UsageError. */
  read(): ClientCertificate | undefined;
  /** Serves another from the next connection on. Throws when it is none. */
  replace(certificate: ClientCertificate): void;
  readonly say: SayOfCertificate;
  readonly registry: Registry;
  /** Milliseconds between two looks. */
  readonly every?: number;
}

/** For people. Each problem is said once, until it is another or none. */
export type SayOfCertificate = (outcome: 'replaced' | 'kept', text: string) => void;

export interface CertificateWatch {
  /** Looks at the files now. Never throws: what is broken leaves in place what is served. */
  look(): void;
  close(): void;
}

/** kubelet brings a changed Secret within about a minute; nothing is gained by looking more often. */
const EVERY_MS = 60_000;

export function watchCertificate(options: CertificateOptions): CertificateWatch {
  if (options.served === undefined) return { look: () => undefined, close: () => undefined };
  const watch = new Watch(options, options.served);
  const looks = setInterval(() => watch.look(), options.every ?? EVERY_MS);
  looks.unref();
  return { look: () => watch.look(), close: () => clearInterval(looks) };
}

class Watch {
  readonly #options: CertificateOptions;
  #served: ClientCertificate;
  #told = '';

  constructor(options: CertificateOptions, served: ClientCertificate) {
    this.#options = options;
    this.#served = served;
    const end = (): number => endOf(this.#served);
    new Gauge({
      name: 'articdbm_proxy_certificate_end_seconds',
      help: 'When the certificate that clients are shown ends, in seconds since 1970; absent without TLS.',
      registers: [options.registry],
      collect() {
        this.set(end());
      },
    });
  }

  look(): void {
    const problem = this.#reread();
    if (problem !== '' && problem !== this.#told) {
      this.#options.say('kept', `${problem}: the certificate that is served stays`);
    }
    this.#told = problem;
  }

  /** What is wrong; empty: nothing. */
  #reread(): string {
    try {
      const read = this.#options.read();
      if (read === undefined || (read.cert === this.#served.cert && read.key === this.#served.key)) return '';
      this.#options.replace(read);
      this.#served = read;
      this.#options.say('replaced', 'new connections are served with the certificate as it is now');
      return '';
    } catch (error) {
      if (error instanceof UsageError) return error.message;
      return `--tls-cert and --tls-key can not be served (${error instanceof Error ? error.name : 'unknown'})`;
    }
  }
}

const endOf = ({ cert }: ClientCertificate): number => new X509Certificate(cert).validToDate.getTime() / 1000;
