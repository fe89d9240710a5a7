import { OPERATOR_NAMESPACE } from './release.ts';
import type { Kubectl } from './kubectl.ts';

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly containers: readonly { readonly name: string }[];
      readonly initContainers?: readonly { readonly name: string }[];
    };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

/** Of containers that have been restarted: what the one before ended with. */
const LAST_WORDS =
  '{range .items[*].status.containerStatuses[*]}{.name} {.restartCount} {.lastState.terminated.exitCode} {.lastState.terminated.message}{"\\n"}{end}';

/** What somebody who reads of a failure wants to see next: resources, events, and the words of pods that aren't ready. */
export async function diagnose(kubectl: Kubectl, namespace: string): Promise<string> {
  const there = kubectl.in(namespace);
  const parts = [`--- namespace ${namespace}`];
  const show = async (...args: readonly string[]): Promise<void> => {
    parts.push(`$ kubectl ${args.join(' ')}`, (await there.try(args)).output.trim());
  };
  await show('get', 'pods,jobs,dbbackends,dbusers,dbpermissions', '-o', 'wide');
  await show('get', 'pods', '-o', `jsonpath=${LAST_WORDS}`);
  await show('get', 'events', '--sort-by=.lastTimestamp');
  const pods = await there.json<PodList>('get', 'pods');
  const isReady = (pod: PodList['items'][number]): boolean =>
    pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  for (const { metadata, spec } of pods.items.filter((pod) => !isReady(pod)).slice(0, 3)) {
    for (const { name } of [...(spec.initContainers ?? []), ...spec.containers]) {
      await show('logs', metadata.name, '-c', name, '--tail=15');
    }
  }
  return parts.join('\n');
}

export async function diagnoseOperator(kubectl: Kubectl): Promise<string> {
  const there = kubectl.in(OPERATOR_NAMESPACE);
  const pods = await there.try(['get', 'pods', '-o', 'wide']);
  const selector = ['-l', 'app.kubernetes.io/component=operator'];
  const logs = await there.try(['logs', ...selector, '--prefix', '--tail=25']);
  return ['--- the operator', pods.output.trim(), logs.output.trim()].join('\n');
}
