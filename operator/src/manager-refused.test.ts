import { expect } from 'chai';
import type { EventToRecord } from './kube/events.ts';
import { podRefused } from './manager-refused.ts';

describe('pods that were not admitted', () => {
  it('are told of, and a flood of made-up ones takes neither the log nor the Events from others', () => {
    let now = 0;
    let lines = 0;
    const events: EventToRecord[] = [];
    const refused = podRefused(
      { events: { record: (event) => events.push(event) }, log: { info: () => (lines += 1) } },
      { now: () => now },
    );
    const tell = (name: string): void =>
      refused({ namespace: 'shop', name, owner: undefined, reason: 'NoBackends', message: 'name a backend' });
    for (let index = 0; index < 10_000; index++) tell(`pod-${String(index)}`);
    expect([events.length, lines]).to.deep.equal([100, 100]);
    expect(events[0]).to.deep.include({ reason: 'NoBackends', note: 'name a backend', type: 'Warning' });

    now += 1_000;
    tell('later');
    tell('too soon');
    expect(events.map(({ regarding }) => regarding.metadata.name).slice(100)).to.deep.equal(['later']);
    now += 3_600_000;
    for (let index = 0; index < 200; index++) tell(`pod-${String(index)}`);
    expect(events).to.have.length(201);
  });
});
