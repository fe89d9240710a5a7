import { postgresql } from './postgres/protocol.ts';
import type { SnapshotBackend } from '#contract/snapshot/types';
import type { Protocol } from './protocol.ts';

/** Every protocol that the proxy speaks: a folder, and a line here. */
export const PROTOCOLS: Readonly<Record<SnapshotBackend['protocol'], Protocol>> = { postgresql };
