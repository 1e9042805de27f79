// The account's event bus, as hosts tell of their machines by it. What a function's destination says is put on the bus as
// it is. What EC2 says is not: nobody but AWS may speak in its name, and the emulator refuses that as AWS does; so each
// such event is held against the deployed rules by the emulator, and those that it matches start their functions.

import {
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { connect } from '../../../src/deployments/aws/emulated/connection.ts';
import { type Invoke, invokeOf } from '../../../src/deployments/aws/emulated/mappings/invoke.ts';
import type { Place } from './ground.ts';

export interface EventBus {
  /** An event of a service of AWS's. */
  tell(event: object): Promise<void>;
  /** A record that Lambda puts there in the name of a function. */
  put(record: Readonly<Record<string, unknown>>): Promise<void>;
  close(): void;
}

interface Listener {
  pattern: string;
  invoke: Invoke;
}

export async function connectBus({ cloud }: Pick<Place, 'cloud'>): Promise<EventBus> {
  const events = connect(EventBridgeClient, cloud.endpoint);
  const lambda = connect(LambdaClient, cloud.endpoint, { maxAttempts: 1 });
  const listeners = await listListeners();

  async function listListeners(): Promise<Listener[]> {
    const { Rules = [] } = await events.send(new ListRulesCommand({}));
    const found = await Promise.all(
      Rules.map(async ({ Name, EventPattern }) => {
        if (EventPattern === undefined) return [];
        const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: Name }));
        return Targets.map(({ Arn = '' }) => ({
          pattern: EventPattern,
          invoke: invokeOf(lambda, Arn.split(':').at(-1) ?? ''),
        }));
      }),
    );
    return found.flat();
  }

  return {
    async tell(event) {
      for (const { pattern, invoke } of listeners) {
        const asked = new TestEventPatternCommand({ EventPattern: pattern, Event: JSON.stringify(event) });
        const { Result = false } = await events.send(asked);
        if (Result) await invoke(event);
      }
    },
    async put({ source, 'detail-type': detailType, resources, detail }) {
      const entry = {
        Source: String(source),
        DetailType: String(detailType),
        Resources: resources as string[],
        Detail: JSON.stringify(detail),
      };
      const { FailedEntryCount = 0 } = await events.send(new PutEventsCommand({ Entries: [entry] }));
      if (FailedEntryCount > 0) throw new Error(`the bus did not take ${JSON.stringify(entry)}`);
    },
    close() {
      events.destroy();
      lambda.destroy();
    },
  };
}
