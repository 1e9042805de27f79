// The right to make a namespace and a Role in an EKS cluster, for as long as it takes. No policy of EKS's gives less than
// the whole cluster for it: the ones for a namespace can make neither, and a Role can be made only by who has all of its
// rights, or may `escalate`. [EKS: Access policy permissions; Kubernetes: RBAC, privilege escalation prevention]
//
// So nobody stands as administrator: the function that sets a namespace up takes the right, and lays it down again. Each
// time is written in CloudTrail, and IAM lets it give itself this policy alone, by its own entry alone.

import {
  AssociateAccessPolicyCommand,
  DisassociateAccessPolicyCommand,
  type EKSClient,
} from '@aws-sdk/client-eks';
import type { Clock, EpochMs } from '../../../../ports/clock.ts';
import type { Caller } from '../call.ts';
import { accessReview } from '../objects.ts';
import { Refusal, Unanswered } from '../refusals.ts';

export interface AdministratorDeps {
  eks: Pick<EKSClient, 'send'>;
  caller: Caller;
  clock: Clock;
  cluster: string;
  /** Our own role, which the cluster knows by an access entry. */
  principal: string;
  /** ARN of EKS's policy. */
  policy: string;
}

/** Roles, policies and entries that were just made are known everywhere after some seconds, seldom a minute. */
const knownMsMax = 120_000;
const askAgainMs = 2_000;
const layDownTriesMax = 5;

export async function asAdministrator<Result>(
  deps: AdministratorDeps,
  task: () => Promise<Result>,
): Promise<Result> {
  const until = deps.clock.now() + knownMsMax;
  await take(deps, until);
  try {
    await untilKnown(deps, until);
    return await task();
  } finally {
    await layDown(deps);
  }
}

async function take({ eks, clock, cluster, principal, policy }: AdministratorDeps, until: EpochMs) {
  const named = { clusterName: cluster, principalArn: principal, policyArn: policy };
  for (;;) {
    try {
      await eks.send(new AssociateAccessPolicyCommand({ ...named, accessScope: { type: 'cluster' } }));
      return;
    } catch (error) {
      // The role's own policy is seconds old.
      if (nameOf(error) !== 'AccessDeniedException' || clock.now() >= until) throw error;
    }
    await clock.sleep(askAgainMs);
  }
}

/** By the server's own word. */
async function untilKnown({ caller, clock, cluster }: AdministratorDeps, until: EpochMs): Promise<void> {
  const resourceAttributes = { verb: '*', group: '*', resource: '*' };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  for (;;) {
    let last = 'it does not know of the right yet';
    try {
      const answer = await caller.ask({ what: 'ask what we may', method: 'POST', path, body }, accessReview);
      if (answer.status.allowed) return;
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unanswered)) throw error;
      last = error.message;
    }
    if (clock.now() >= until)
      throw new Error(
        `cluster ${cluster} lets this deployment set nothing up: ${last}. Remedy: its endpoint has to be public, and it has ` +
          "to know access entries (authentication mode API or API_AND_CONFIG_MAP); or give the host setUp: 'byHand'.",
      );
    await clock.sleep(askAgainMs);
  }
}

async function layDown({ eks, clock, cluster, principal, policy }: AdministratorDeps): Promise<void> {
  const named = { clusterName: cluster, principalArn: principal, policyArn: policy };
  for (let tries = 1; ; tries += 1) {
    try {
      await eks.send(new DisassociateAccessPolicyCommand(named));
      return;
    } catch (error) {
      if (nameOf(error) === 'ResourceNotFoundException') return;
      if (tries >= layDownTriesMax) throw error;
    }
    await clock.sleep(askAgainMs);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
