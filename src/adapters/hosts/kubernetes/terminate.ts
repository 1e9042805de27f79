// A Job is deleted in the foreground: it stays, dying, until its pods are gone. So that it is not there any more is the
// proof that nothing of it lives. Its Secret belongs to it and goes too.

import type { MachineRef, TerminateAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { isOwnName } from './labels.ts';

export async function terminate(
  context: HostContext,
  { name, machine }: MachineRef,
): Promise<TerminateAnswer> {
  const { api, ended, deployment, host } = context;
  if (!isOwnName(context, name))
    throw new Error(
      `${name} is not a runner of deployment ${deployment} and host ${host}: a Job of this name is a stranger's and is ` +
        'left alone',
    );
  const dying = await api.deleteJob(name, machine);
  if (dying !== null) {
    if (machine === null) ended.add(name);
    return 'ending';
  }
  // Of a name alone, the launch may still take effect: the list tells when it is past doubt.
  return machine !== null || ended.has(name) ? 'gone' : 'ending';
}
