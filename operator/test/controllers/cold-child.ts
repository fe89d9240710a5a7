/** A process of the operator's controllers alone, for its memory: prints what it took when nothing is left to do. */
import { tokenAccess } from '#operator/kube/config';
import { KubeClient } from '#operator/kube/client';
import type { ApiServer } from '../harness/api-server.ts';
import { Operator } from './scene.ts';

const { COLD_URL = '', COLD_CA = '', COLD_TOKEN = '', COLD_REDIS = '' } = process.env;

const api = {
  client: (_: unknown, __: unknown, onRequest?: (method: string, status: number) => void) =>
    new KubeClient(tokenAccess(COLD_URL, COLD_TOKEN, COLD_CA), onRequest),
} as unknown as ApiServer;

let peak = 0;
const sample = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 50);
let late = 0;
let before = performance.now();
const stalls = setInterval(() => {
  late = Math.max(late, performance.now() - before - 10);
  before = performance.now();
}, 10);
const began = performance.now();
const reconciles = new Map<string, number>();
const operator = await new Operator(api, COLD_REDIS, {
  hooks: {
    reconciled: (kind, { kind: outcome }) =>
      reconciles.set(`${kind} ${outcome}`, (reconciles.get(`${kind} ${outcome}`) ?? 0) + 1),
  },
}).start();
const synced = performance.now();
await operator.idle();
const took = performance.now() - began;
const requests = Object.fromEntries(operator.requests.counts);
clearInterval(sample);
clearInterval(stalls);
const cpu = process.cpuUsage();
const beforeGc = process.memoryUsage();
global.gc?.();
const afterGc = process.memoryUsage();
console.log(
  JSON.stringify({
    tookMs: took,
    syncedMs: synced - began,
    cpuMs: (cpu.user + cpu.system) / 1000,
    peak,
    rss: process.memoryUsage.rss(),
    stallMs: late,
    heapMb: [
      beforeGc.heapUsed,
      afterGc.heapUsed,
      afterGc.heapTotal,
      afterGc.external,
      afterGc.arrayBuffers,
      afterGc.rss,
    ].map((n) => Math.round(n / 2 ** 20)),
    requests,
    reconciles: Object.fromEntries(reconciles),
    errors: operator.errors.length,
    first: String(operator.errors[0]),
  }),
);
process.exit(0);
