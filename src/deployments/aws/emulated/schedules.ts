// Rules that start a function each so many minutes, as the templates have them. The emulator's own are switched off, so
// that a test lets a minute pass when it wants to.

import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { DeployedStack } from './deploy/index.ts';
import { invokeOf } from './mappings/invoke.ts';

export interface Schedule {
  /** `rate(1 minute)`. */
  expression: string;
  functionName: string;
  /** Calls the function, as the rule does. */
  fire(): Promise<void>;
}

export function schedulesOf(stacks: readonly DeployedStack[], lambda: LambdaClient): Schedule[] {
  return stacks.flatMap(({ template, resources }) =>
    Object.values(template.Resources ?? {}).flatMap(({ Type, Properties = {} }) => {
      const expression = Properties['ScheduleExpression'];
      if (typeof expression !== 'string') return [];
      return targetsOf(Type, Properties).map(({ arn, input }) => {
        const functionName = resources[referencedBy(arn)] ?? '';
        if (functionName === '') {
          throw new Error(
            `a schedule of ${expression} starts ${JSON.stringify(arn)}: no function of its stack`,
          );
        }
        const invoke = invokeOf(lambda, functionName);
        const event = input === undefined ? scheduledEvent : JSON.parse(input);
        return { expression, functionName, fire: async () => void (await invoke(event)) };
      });
    }),
  );
}

/** As EventBridge gives it where a rule has no input of its own. */
const scheduledEvent = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };

interface Target {
  arn: unknown;
  input: string | undefined;
}

function targetsOf(type: string, properties: Record<string, unknown>): Target[] {
  const given =
    type === 'AWS::Scheduler::Schedule' ? [properties['Target']] : (properties['Targets'] as unknown[]);
  return (given as { Arn: unknown; Input?: string }[]).map(({ Arn, Input }) => ({ arn: Arn, input: Input }));
}

/** The logical id in `{"Fn::GetAtt": [id, "Arn"]}`. */
function referencedBy(arn: unknown): string {
  const attribute = (arn as { 'Fn::GetAtt'?: [string, string] })['Fn::GetAtt'];
  return attribute?.[0] ?? '';
}
