import { Allow, type Decision, type DenialReason, type Deny } from './decision.ts';
import {
  grantCoversColumn,
  grantReachesDatabase,
  grantReachesObject,
  grantReachesSchema,
  grantsAction,
  type Grant,
} from './grant.ts';
import { describeDenial } from './message.ts';
import type { AccessRequest, Columns, RelationResource, NamedResource } from './request.ts';
import { withoutCeilings, type UserPolicy } from './user-policy.ts';

export { compilePolicy, type UserPolicy } from './user-policy.ts';

/** What `until` is when nothing allows: earlier than any time. */
const NEVER = -Infinity;

/**
 * Judges what one statement asks for: all of it or nothing. Pure and total. `now` is in epoch milliseconds; what
 * expires at `now` has expired.
 */
export function evaluate(policy: UserPolicy, requests: readonly AccessRequest[], now: number): Decision {
  if (!policy.enabled) return deny('permission', `user "${policy.user}" is disabled`);
  if (!(policy.until > now)) return deny('expired', `user "${policy.user}" has expired`);
  let until = policy.until;
  for (const request of requests) {
    const allowed = allowedUntil(policy, request, now);
    if (!(allowed > now)) return refuse(policy, requests, request, now);
    if (allowed < until) until = allowed;
  }
  return Allow.make(until);
}

/** Whether any rule in force reaches into the database: what a login to it needs. */
export function mayConnect(policy: UserPolicy, database: string, now: number): boolean {
  if (!policy.enabled || !(policy.until > now)) return false;
  return policy.grants.some((grant) => grant.until > now && grantReachesDatabase(grant, database));
}

/** Until when the request is allowed, by the rules that allow it longest; NEVER if by none. */
function allowedUntil(policy: UserPolicy, request: AccessRequest, now: number): number {
  const { resource } = request;
  switch (resource.kind) {
    case 'relation':
      return relationUntil(policy, request, resource, now);
    case 'function':
    case 'sequence':
    case 'type':
      return longest(grantsOn(policy, request, resource));
    case 'schema':
      return longest(
        policy.grants.filter(
          (grant) =>
            (request.action === 'usage' || grantsAction(grant, 'admin')) &&
            grantReachesSchema(grant, resource.database, resource.name),
        ),
      );
    case 'backend':
      return longest(
        policy.grants.filter((grant) => grantsAction(grant, 'admin') && grantReachesDatabase(grant, resource.database)),
      );
  }
}

function relationUntil(policy: UserPolicy, request: AccessRequest, resource: RelationResource, now: number): number {
  const columns = columnsAsked(request, resource);
  const grants = grantsOn(policy, request, resource);
  if (columns === 'any') return longest(grants, (grant) => grant.anyColumn);
  const whole = longest(grants, (grant) => grant.allColumns);
  if (columns === 'all' || whole === Infinity) return whole;
  if (columns.length === 0) return longest(grants, (grant) => grant.anyColumn);
  let until = Infinity;
  for (const column of columns) {
    const covered = longest(grants, (grant) => grantCoversColumn(grant, column));
    if (!(covered > now)) return NEVER;
    if (covered < until) until = covered;
  }
  return until;
}

/** DELETE and TRUNCATE take whole rows: no list of columns makes them smaller. */
function columnsAsked(request: AccessRequest, resource: RelationResource): Columns {
  return request.action === 'delete' || request.action === 'truncate' ? 'all' : resource.columns;
}

function grantsOn(policy: UserPolicy, request: AccessRequest, resource: RelationResource | NamedResource): Grant[] {
  const found: Grant[] = [];
  const bucket = policy.objects[resource.kind].get(request.action);
  if (bucket === undefined) return found;
  for (const list of [bucket.byName.get(resource.name), bucket.patterned]) {
    if (list === undefined) continue;
    for (const grant of list) if (grantReachesObject(grant, resource.kind, resource)) found.push(grant);
  }
  return found;
}

/** The latest expiry among the grants that pass; NEVER when none does. */
function longest(grants: readonly Grant[], passes?: (grant: Grant) => boolean): number {
  let until = NEVER;
  for (const grant of grants) if (grant.until > until && (passes === undefined || passes(grant))) until = grant.until;
  return until;
}

function refuse(policy: UserPolicy, requests: readonly AccessRequest[], request: AccessRequest, now: number): Deny {
  const reason = reasonFor(policy, request, now);
  const allowed = (other: AccessRequest): boolean => allowedUntil(policy, other, now) > now;
  const { user, database } = policy;
  return {
    outcome: 'deny',
    denial: { reason, request, ...describeDenial({ user, database, requests, request, reason, allowed }) },
  };
}

function reasonFor(policy: UserPolicy, request: AccessRequest, now: number): DenialReason {
  if (allowedUntil(policy, request, NEVER) > NEVER) return 'expired';
  const consented = withoutCeilings(policy);
  if (allowedUntil(consented, request, now) > now) return 'consent';
  return allowedUntil(consented, request, NEVER) > NEVER ? 'expired' : 'permission';
}

function deny(reason: DenialReason, message: string): Deny {
  return { outcome: 'deny', denial: { reason, message } };
}
