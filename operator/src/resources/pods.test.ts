import { expect } from 'chai';
import { ObjectStore } from '../kube/store.ts';
import { isRunning, PodIndex, reducePod, type Pod } from './pods.ts';

const pod = (name: string, account: string | undefined, phase: string, version = '1'): Pod =>
  ({
    metadata: { namespace: 'shop', name, uid: name, resourceVersion: version, annotations: { much: 'text' } },
    spec: { serviceAccountName: account, containers: [{ name: 'app' }] },
    status: { phase, podIP: '10.0.0.1' },
  }) as unknown as Pod;

describe('the pods with our label', () => {
  it('are kept without what is not looked at', () => {
    expect(reducePod(pod('a', 'one', 'Running'))).to.deep.equal({
      metadata: { namespace: 'shop', name: 'a', uid: 'a', resourceVersion: '1' },
      spec: { serviceAccountName: 'one' },
      status: { phase: 'Running' },
    });
  });

  it('are of the scope of their ServiceAccount, `default` if they name none', () => {
    const store = new ObjectStore<Pod>();
    const index = new PodIndex();
    store.onChange((key, now) => index.change(key, now));
    store.replace([pod('a', 'one', 'Running'), pod('b', undefined, 'Pending')].map(reducePod));
    expect([...index.scopes()]).to.deep.equal(['shop/one', 'shop/default']);
    expect(index.of('shop/one').map(({ metadata }) => metadata.name)).to.deep.equal(['a']);
    store.replace([pod('b', 'one', 'Running', '2')]);
    expect([...index.scopes()]).to.deep.equal(['shop/one']);
    expect(index.of('shop/one').map(({ metadata }) => metadata.name)).to.deep.equal(['b']);
  });

  it('run from when they are Running until they are being deleted', () => {
    const going = { ...pod('a', 'one', 'Running'), metadata: { name: 'a', deletionTimestamp: '2026-11-24T09:00:00Z' } };
    expect(isRunning(reducePod(pod('a', 'one', 'Running')))).to.equal(true);
    expect(isRunning(reducePod(pod('a', 'one', 'Succeeded')))).to.equal(false);
    expect(isRunning(reducePod(going))).to.equal(false);
  });
});
