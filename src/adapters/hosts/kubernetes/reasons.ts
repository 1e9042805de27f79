// Kubernetes' reasons in a person's words: why a pod waits, why its boot has failed, why it ended.

import type { Pod, Warning } from './objects.ts';

export type Trouble =
  /** It may still come up: a node is on its way, perhaps. */
  | { kind: 'waits'; says: string }
  /** Has failed, unless it gets better soon. */
  | { kind: 'failing'; says: string }
  | { kind: 'failed'; says: string };

type Pattern = readonly [reason: string, kind: Trouble['kind'], says: string];

/** Of a container that waits. [Kubernetes: kubelet's reasons] */
const waiting: readonly Pattern[] = [
  ['InvalidImageName', 'failed', "its image's name is not allowed"],
  ['ErrImageNeverPull', 'failed', 'its image is not on the node, and is never to be pulled'],
  ['ErrImagePull', 'failing', 'its image can not be pulled'],
  ['ImagePullBackOff', 'failing', 'its image can not be pulled'],
  ['RegistryUnavailable', 'failing', 'its image can not be pulled'],
  ['CreateContainerConfigError', 'failing', 'its container can not be made'],
  ['CreateContainerError', 'failing', 'its container can not be made'],
  ['RunContainerError', 'failing', 'its container can not be started'],
];

/** `null` where all is well, or as well as it is told. */
export function troubleOf({ status }: Pod): Trouble | null {
  for (const container of [...status.initContainerStatuses, ...status.containerStatuses]) {
    const wait = container.state.waiting;
    const known = waiting.find(([reason]) => reason === wait?.reason);
    if (known && wait) return { kind: known[1], says: sentence(known[2], wait.message || wait.reason) };
  }
  const scheduled = status.conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable')
    return { kind: 'waits', says: sentence('no node has room for its pod', scheduled.message) };
  return null;
}

/** A pod that could not be made: the Job tries again, with longer and longer pauses, and says nothing. */
export function warningOf({ message }: Warning): Trouble {
  if (message.includes('exceeded quota'))
    return { kind: 'failed', says: sentence("the namespace's quota has no room for its pod", message) };
  if (message.includes('violates PodSecurity'))
    return { kind: 'failed', says: sentence("the namespace's Pod Security refuses its pod", message) };
  if (
    message.includes('forbidden') ||
    message.includes('is invalid') ||
    message.includes('denied the request')
  )
    return { kind: 'failed', says: sentence('its pod was refused', message) };
  return { kind: 'waits', says: sentence('its pod could not be made yet', message) };
}

/** Why it ended, once it has. */
export function endCauseOf({ status, metadata }: Pod): string | null {
  if (status.reason === 'Evicted') return sentence('its pod was evicted', status.message);
  const ended = [...status.containerStatuses, ...status.initContainerStatuses]
    .map(({ name, state }) => ({ name, ...state.terminated }))
    .find(({ name, exitCode }) => exitCode !== undefined && (name === 'runner' || exitCode !== 0));
  if (ended?.reason === 'OOMKilled')
    return `its container ${ended.name} needed more memory than its limit (OOMKilled)`;
  const disrupted = status.conditions.find(
    ({ type, status: is }) => type === 'DisruptionTarget' && is === 'True',
  );
  if (disrupted) return sentence(`its pod was taken away (${disrupted.reason})`, disrupted.message);
  if (status.phase === 'Succeeded') return 'its runner ended';
  if (status.phase !== 'Failed') return null;
  if (status.reason === 'DeadlineExceeded') return 'it lived longer than its Job may (DeadlineExceeded)';
  if (metadata.deletionTimestamp !== undefined) return 'its pod was told to end';
  if (ended?.exitCode !== undefined) return `its container ${ended.name} ended with ${ended.exitCode}`;
  return sentence('its pod failed', status.message || status.reason);
}

function sentence(says: string, detail: string): string {
  return detail === '' ? says : `${says}: ${detail}`;
}
