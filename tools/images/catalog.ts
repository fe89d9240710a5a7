/** The images that are made here. */

export interface Image {
  readonly name: string;
  /** What pods call it. */
  readonly reference: string;
  readonly dockerfile: string;
  readonly target?: string;
  /** The folder that COPY reads; by default the Dockerfile's own. */
  readonly context: string;
  /** A program of e2e/cluster/build.sh that is the whole context. */
  readonly program?: string;
  /** The base image of its first stage: a build argument, so that anybody may take another. */
  readonly base?: string;
  readonly about: string;
}

/** What every Dockerfile here starts from unless BASE says otherwise. */
export const BASES = ['node:26-bookworm-slim', 'debian:bookworm-slim'] as const;

const ours = (target: string, about: string): Image => ({
  name: target,
  reference: `localhost/articdbm-${target}:dev`,
  dockerfile: 'Dockerfile',
  target,
  context: '.',
  base: BASES[0],
  about,
});

const single = (name: string, about: string): Image => ({
  name,
  reference: `localhost/${name}:1`,
  dockerfile: `e2e/images/${name}/Dockerfile`,
  context: `e2e/images/${name}`,
  program: name,
  about,
});

const packaged = (name: string, tag: string, about: string): Image => ({
  name,
  reference: `localhost/${name}:${tag}`,
  dockerfile: `e2e/images/${name}/Dockerfile`,
  context: 'e2e/images',
  base: BASES[1],
  about,
});

export const CATALOG: readonly Image[] = [
  ours('operator', '`articdbm operator`'),
  ours('proxy', '`articdbm proxy`, for sidecars and gateways, and what tells whether it is ready'),
  packaged('postgres', '15', 'for stories: PostgreSQL 15 and psql'),
  packaged('redis', '7', 'for stories: Redis 7'),
  packaged('app', '1', 'for stories: an application: a shell and psql'),
  single('pause', 'for a local node: what holds a pod open'),
  single('coredns', "for a local node: the cluster's DNS"),
];
