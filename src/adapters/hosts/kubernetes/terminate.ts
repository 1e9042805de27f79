// A Job is deleted in the foreground: it stays, dying, until its pods are gone. So that it is not there any more is the
// proof that nothing of it lives. Its Secret belongs to it and goes too.

import type { MachineRef, TerminateAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { isOwnName } from './labels.ts';
import { isUnsure } from './list.ts';
import type { Job } from './objects.ts';

/** A server that is busy or just not there: the order itself comes again too, but only after half a minute. */
const triesMax = 3;
const pauseMsFirst = 300;

export async function terminate(
  context: HostContext,
  { name, machine }: MachineRef,
): Promise<TerminateAnswer> {
  const { ended, deployment, host } = context;
  if (!isOwnName(context, name))
    throw new Error(
      `${name} is not a runner of deployment ${deployment} and host ${host}: a Job of this name is a stranger's and is ` +
        'left alone',
    );
  const dying = await deleted(context, { name, machine });
  if (dying !== null) {
    if (machine === null) ended.add(name);
    return 'ending';
  }
  // Of a name alone, the launch may still take effect: the list tells when it is past doubt.
  return machine !== null || ended.has(name) ? 'gone' : 'ending';
}

async function deleted(context: HostContext, { name, machine }: MachineRef): Promise<Job | null> {
  const { api, clock, random } = context;
  for (let tries = 1; ; tries += 1) {
    try {
      return await api.deleteJob(name, machine);
    } catch (error) {
      if (tries >= triesMax || !isUnsure(error)) throw error;
    }
    await clock.sleep(pauseMsFirst * 2 ** tries * (0.5 + random()));
  }
}
