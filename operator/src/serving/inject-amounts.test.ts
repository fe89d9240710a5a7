import { expect } from 'chai';
import { exceeded, parseAmounts, thousandthsOf } from './inject-amounts.ts';

describe('amounts of resources', () => {
  it('quantities are read as Kubernetes writes them', () => {
    const read: readonly (readonly [string, number])[] = [
      ['1', 1e3],
      ['0.5', 500],
      ['5.', 5e3],
      ['10m', 10],
      ['100u', 0.1],
      ['1k', 1e6],
      ['96Mi', 96 * 2 ** 20 * 1e3],
      ['1.5Gi', 1.5 * 2 ** 30 * 1e3],
      ['128M', 128e9],
      ['1e3', 1e6],
      ['2.68435456e+08', 268_435_456e3], // what Helm makes of a number
    ];
    for (const [text, thousandths] of read) expect(thousandthsOf(text), text).to.be.closeTo(thousandths, 1e-6);
  });

  it('what is none is none', () => {
    for (const text of [
      '',
      '0',
      '0Mi',
      '-1',
      '1 Mi',
      '1mi',
      '1MB',
      '1Kib',
      '1K',
      '1e',
      '1e999',
      '0x10',
      'Mi',
      '1Mi1',
    ]) {
      expect(thousandthsOf(text), text).to.equal(undefined);
    }
  });

  it('a list is one of resources that every node has, each once', () => {
    expect(parseAmounts('cpu=10m,memory=96Mi')).to.deep.equal({ cpu: '10m', memory: '96Mi' });
    expect(parseAmounts('ephemeral-storage=1Gi, cpu=1')).to.deep.equal({ 'ephemeral-storage': '1Gi', cpu: '1' });
    expect(parseAmounts('')).to.deep.equal({});
    for (const text of ['gpu=1', 'nvidia.com/gpu=1', 'cpu', '=1', ',', 'cpu=1,', 'toString=1', 'cpu:1'])
      expect(parseAmounts(text), text).to.contain('resources are cpu, memory, ephemeral-storage');
    expect(parseAmounts('cpu=1,cpu=2')).to.equal('cpu is there twice');
    for (const text of ['cpu=', 'cpu=lots', 'memory=96MB'])
      expect(parseAmounts(text), text).to.contain('written as Kubernetes does');
  });

  it('what is asked for fits into what may be used, whatever unit each is in', () => {
    const of = (requests: Record<string, string>, limits: Record<string, string>) => exceeded({ requests, limits });
    expect(of({ cpu: '10m', memory: '96Mi' }, { memory: '256Mi' })).to.equal(undefined);
    expect(of({ memory: '1Gi' }, { memory: '1024Mi' })).to.equal(undefined);
    expect(of({ memory: '1Gi' }, { memory: '1G' })).to.equal('memory');
    expect(of({ cpu: '1' }, { cpu: '999m' })).to.equal('cpu');
  });
});
