// What EventBridge delivers of a machine, as EC2 writes it.

import type { EpochMs } from '../../../../ports/clock.ts';

export interface StandInEvent {
  version: '0';
  id: string;
  'detail-type': string;
  source: 'aws.ec2';
  account: string;
  time: string;
  region: string;
  resources: readonly string[];
  detail: Readonly<Record<string, string>>;
}

export function stateChanged(instance: string, state: string, at: EpochMs): StandInEvent {
  return eventOf('EC2 Instance State-change Notification', instance, { state }, at);
}

/** Two minutes ahead. [EC2: Spot Instance interruption notices] */
export function interruptionNoticed(instance: string, at: EpochMs): StandInEvent {
  return eventOf('EC2 Spot Instance Interruption Warning', instance, { 'instance-action': 'terminate' }, at);
}

function eventOf(
  detailType: string,
  instance: string,
  detail: Readonly<Record<string, string>>,
  at: EpochMs,
): StandInEvent {
  return {
    version: '0',
    id: '7bf73129-1428-4cd3-a780-95db273d1602',
    'detail-type': detailType,
    source: 'aws.ec2',
    account: '123456789012',
    // In whole seconds.
    time: `${new Date(at).toISOString().slice(0, 19)}Z`,
    region: 'eu-west-1',
    resources: [`arn:aws:ec2:eu-west-1:123456789012:instance/${instance}`],
    detail: { 'instance-id': instance, ...detail },
  };
}
