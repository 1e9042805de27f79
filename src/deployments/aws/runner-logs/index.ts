// `runners logs <runner> --stack`: where the log of a runner is, and what is in it.

import type { Configuration } from '../../../core/configuration.ts';
import type { Runner } from '../../../core/runner.ts';
import type { Clients } from '../deploy/clients.ts';
import { type DeployedStack, readResources } from '../deploy/stacks.ts';
import { type LogRequest, type LogWaiting, readInvocation, readStream } from './read.ts';
import { type LogPart, whereLogsAre } from './where.ts';

export type LogsFound =
  | { outcome: 'found'; lines: AsyncGenerator<string> }
  /** No such runner, or nothing of it is in the log. */
  | { outcome: 'none' }
  | { outcome: 'elsewhere'; text: string };

export interface LogsDeps {
  clients: Pick<Clients, 'cloudFormation' | 'cloudWatchLogs'>;
  stacks: readonly DeployedStack[];
  stackName: string;
  configuration: Configuration;
  waiting: LogWaiting;
}

/** Before its launch nothing of it can be in a log; clocks differ. */
const beforeLaunchMs = 60_000;

/** `runner`: its item; `null` where it is no longer kept. */
export async function logsOfRunner(
  wanted: { name: string; runner: Runner | null; part: LogPart } & LogRequest,
  deps: LogsDeps,
): Promise<LogsFound> {
  const { cloudWatchLogs } = deps.clients;
  const where = whereLogsAre(wanted, deps);
  switch (where.kind) {
    case 'unknown':
      return { outcome: 'none' };
    case 'elsewhere':
      return { outcome: 'elsewhere', text: where.text };
    case 'stream':
      return foundOr(await readStream(cloudWatchLogs, where, wanted, deps.waiting));
    case 'function': {
      const group = await logGroupOf(where, deps);
      if (group === null) return { outcome: 'none' };
      const { requestId } = where;
      const sinceMs = (wanted.runner?.orderedAt ?? 0) - beforeLaunchMs;
      return foundOr(
        await readInvocation(cloudWatchLogs, { group, requestId, sinceMs }, wanted, deps.waiting),
      );
    }
    default:
      return where satisfies never;
  }
}

function foundOr(lines: AsyncGenerator<string> | null): LogsFound {
  return lines === null ? { outcome: 'none' } : { outcome: 'found', lines };
}

/** Logical ids are the names on the way to a construct, of their letters and digits, and a hash. [CDK: Identifiers] */
async function logGroupOf(
  { host, pool }: { host: string; pool: string },
  { clients, stacks }: LogsDeps,
): Promise<string | null> {
  const plain = `${host}${pool}Logs`.replace(/[^A-Za-z0-9]/g, '');
  const isOfPool = new RegExp(`^${plain}[0-9A-F]{8}$`);
  for (const { id } of stacks) {
    const resources = await readResources(clients.cloudFormation, id);
    const found = resources.find(
      ({ type, logicalId }) => type === 'AWS::Logs::LogGroup' && isOfPool.test(logicalId),
    );
    if (found) return found.physicalId;
  }
  return null;
}
