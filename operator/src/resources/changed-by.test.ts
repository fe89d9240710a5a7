import { expect } from 'chai';
import type { KubeObject } from '../kube/resource.ts';
import { ChangedBy } from './changed-by.ts';

const object = (managedFields: readonly object[]): KubeObject =>
  ({ metadata: { name: 'x', managedFields } }) as unknown as KubeObject;

describe('who changed an object', () => {
  it('is the last manager of what is not its status', () => {
    const changedBy = new ChangedBy();
    const kept = changedBy.keep(
      object([
        { manager: 'kubectl-edit', time: '2026-11-24T09:00:02Z' },
        { manager: 'argocd-controller', time: '2026-11-24T09:00:01Z' },
        { manager: 'articdbm-operator', time: '2026-11-24T09:00:03Z', subresource: 'status' },
      ]),
    );
    expect(changedBy.of(kept)).to.equal('kubectl-edit');
    expect(kept.metadata).to.deep.equal({ name: 'x' });
  });

  it('is not known where the API server does not say it', () => {
    const changedBy = new ChangedBy();
    expect(changedBy.of(changedBy.keep({ metadata: { name: 'x' } }))).to.equal(undefined);
  });

  it('is known of an object that is kept without the copy that kubectl leaves of it', () => {
    const changedBy = new ChangedBy();
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', team: 'shop' };
    const managedFields = [{ manager: 'kubectl-client-side-apply', time: '2026-11-24T09:00:02Z' }];
    const kept = changedBy.keep({ metadata: { name: 'x', annotations, managedFields } } as KubeObject);
    expect(kept.metadata).to.deep.equal({ name: 'x', annotations: { team: 'shop' } });
    expect(changedBy.of(kept)).to.equal('kubectl-client-side-apply');
  });
});
