import { expect } from 'chai';
import type { KubeObject } from './resource.ts';
import { ObjectStore } from './store.ts';

const object = (name: string, resourceVersion: string, uid = name): KubeObject => ({
  metadata: { namespace: 'n', name, uid, resourceVersion },
});

function scene() {
  const store = new ObjectStore<KubeObject>();
  const told: string[] = [];
  store.onChange((key, now, before) => {
    told.push(`${key} ${before?.metadata.resourceVersion ?? '-'} > ${now?.metadata.resourceVersion ?? '-'}`);
  });
  return { store, told };
}

describe('the store', () => {
  it('says nothing of what has not changed', () => {
    const { store, told } = scene();
    store.put(object('a', '1'));
    store.put(object('a', '1'));
    store.replace([object('a', '1')]);
    store.remove('n/b');
    expect(told).to.deep.equal(['n/a - > 1']);
  });

  it('says of a new list what changed, came and went, even to an older version', () => {
    const { store, told } = scene();
    for (const each of [object('a', '5'), object('b', '6'), object('c', '7')]) store.put(each);
    told.length = 0;
    store.replace([object('a', '5'), object('b', '2'), object('d', '3')]);
    expect(told).to.deep.equal(['n/c 7 > -', 'n/b 6 > 2', 'n/d - > 3']);
    expect([...store.keys()]).to.have.members(['n/a', 'n/b', 'n/d']);
  });

  it('takes another uid for a change, whatever the version', () => {
    const { store, told } = scene();
    store.put(object('a', '1', 'x'));
    store.put(object('a', '1', 'y'));
    expect(told).to.have.length(2);
  });
});
