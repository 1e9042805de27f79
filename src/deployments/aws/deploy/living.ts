// Which machines a deployed system still has, by its own table, read with the credentials of whoever asks.

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createDynamoDbJobsTable } from '../../../adapters/jobs-tables/dynamodb/index.ts';
import type { Configuration } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { DeployedStack } from './stacks.ts';
import { outputOf } from './stacks.ts';

export interface Living {
  host: string;
  /** Machines that are there, or may be: until a host says that one is gone, it may cost. */
  runners: number;
  busy: number;
}

export interface LivingDeps {
  dynamoDb: DynamoDBDocumentClient;
  clock: Clock;
  random: Random;
}

/** Hosts with machines alone. Nothing where nothing was deployed yet. */
export async function readLiving(
  { dynamoDb, clock, random }: LivingDeps,
  stacks: readonly DeployedStack[],
  hosts: readonly string[],
): Promise<Living[]> {
  const tableName = outputOf(stacks, 'table');
  if (tableName === null) return [];
  const table = createDynamoDbJobsTable({
    client: dynamoDb,
    tableName,
    clock,
    random,
    // Only for writes, and nothing is written here.
    deadlines: { ofRunner: () => null, ofJob: () => null },
    keepMs: 0,
  });
  const found = await Promise.all(
    hosts.map(async (host) => {
      const runners = await table.runnersOfHost(host as HostName);
      return { host, runners: runners.length, busy: runners.filter(({ state }) => state === 'busy').length };
    }),
  );
  return found.filter(({ runners }) => runners > 0);
}

export function hostsDeployed(stacks: readonly DeployedStack[]): string[] {
  return (outputOf(stacks, 'hosts') ?? '').split(',').filter((name) => name !== '');
}

/** Those that lose whoever ends their machines: a host is served for its pools. */
export function hostsForsaken(deployed: readonly string[], { pools }: Configuration): string[] {
  const served = new Set<string>(pools.map(({ host }) => host));
  return deployed.filter((name) => !served.has(name));
}

export function describeLiving(living: readonly Living[]): string {
  return living
    .map(({ host, runners, busy }) => `${host} ${runners} (${busy === 0 ? 'none' : busy} at work)`)
    .join(', ');
}
