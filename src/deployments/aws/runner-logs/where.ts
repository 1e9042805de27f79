// Where the logs of a runner are, by the type of its host. Machines of EC2 ship theirs where the host's option says so;
// a function's are in its own log group; what is elsewhere is told in words.

import { ec2HostOptions } from '../../../adapters/hosts/ec2/options.ts';
import { shippedLogGroup, shippedLogStream } from '../../../adapters/hosts/ec2/shipped-logs/names.ts';
import { kubernetesHostOptions } from '../../../adapters/hosts/kubernetes/options.ts';
import { type Configuration, type HostSettings, hostByName } from '../../../core/configuration.ts';
import { parseRunnerName } from '../../../core/ids.ts';
import type { Runner } from '../../../core/runner.ts';

export type LogPart = 'console' | 'diag';

export type WhereLogs =
  | { kind: 'stream'; group: string; stream: string }
  /** Of the function of this pool, from the start of this request to its end. */
  | { kind: 'function'; host: string; pool: string; requestId: string }
  /** Nothing that could be read here: what a person may do instead. */
  | { kind: 'elsewhere'; text: string }
  | { kind: 'unknown' };

/** `runner`: its item; `null` where it is no longer kept. */
export function whereLogsAre(
  { name, runner, part }: { name: string; runner: Runner | null; part: LogPart },
  { configuration, stackName }: { configuration: Configuration; stackName: string },
): WhereLogs {
  const parsed = parseRunnerName(name);
  const host = parsed && hostByName(configuration, parsed.host);
  if (!host) return { kind: 'unknown' };
  switch (host.type) {
    case 'ec2':
      return ofMachine(host, name, runner, part, stackName);
    case 'lambda':
      return ofFunction(host, runner, part);
    case 'kubernetes':
      return elsewhere(ofPod(host, name, part));
    case 'microvm':
      return elsewhere(
        'A MicroVM writes no log: a role that may write one would be its job’s too. What it told of its boot: `runners why` with its job.',
      );
    default:
      return elsewhere(`Host ${host.name} is of type ${host.type}, which keeps no logs of its machines.`);
  }
}

function elsewhere(text: string): WhereLogs {
  return { kind: 'elsewhere', text };
}

function ofMachine(
  { name: host, options }: HostSettings,
  name: string,
  runner: Runner | null,
  part: LogPart,
  stackName: string,
): WhereLogs {
  if (ec2HostOptions.parse(options).shipLogs)
    return { kind: 'stream', group: shippedLogGroup(stackName, host), stream: shippedLogStream(name, part) };
  const machine = runner?.machine ?? '<instance id>';
  return elsewhere(
    `Machines of host ${host} ship no logs. Set shipLogs: true in the options of that host and deploy: machines that are ` +
      'launched then ship theirs. Of one that is alive, or ended within the hour: ' +
      `aws ec2 get-console-output --latest --output text --instance-id ${machine}`,
  );
}

function ofFunction({ name: host }: HostSettings, runner: Runner | null, part: LogPart): WhereLogs {
  if (part === 'diag')
    return elsewhere(
      "A function has one log, of all that its runner prints, and the runner's diagnostics end with its environment: leave out --diag.",
    );
  const requestId = runner?.machine?.split('@')[0];
  return runner && requestId ? { kind: 'function', host, pool: runner.pool, requestId } : { kind: 'unknown' };
}

function ofPod({ options }: HostSettings, name: string, part: LogPart): string {
  const { namespace, endedSeconds } = kubernetesHostOptions.parse(options);
  const minutes = Math.round(endedSeconds / 60);
  const pod = `kubectl --namespace ${namespace}`;
  if (part === 'console')
    return `The log of a pod is kept by its cluster, until ${minutes} minutes after its end: ${pod} logs job/${name}`;
  return `The diagnostics of its runner are in the pod, while it lives: ${pod} exec job/${name} -- sh -c 'cat _diag/*.log'`;
}
