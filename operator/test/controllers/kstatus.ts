import type { Resource } from './scene.ts';

export type Verdict = 'InProgress' | 'Failed' | 'Current' | 'Terminating';

/**
 * What kstatus (sigs.k8s.io/cli-utils/pkg/kstatus) makes of a resource that is of no kind it knows: its generic checks in
 * their order, then the Ready condition. https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
 */
export function verdictOf({ metadata, status }: Resource): Verdict {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  const observed = status?.observedGeneration;
  if (observed !== undefined && observed !== metadata.generation) return 'InProgress';
  const conditions = status?.conditions ?? [];
  for (const { type, status: holds } of conditions) {
    if (type === 'Reconciling' && holds === 'True') return 'InProgress';
    if (type === 'Stalled' && holds === 'True') return 'Failed';
  }
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
