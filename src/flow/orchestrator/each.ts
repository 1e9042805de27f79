// A batch carries messages together and means nothing by it: what goes wrong with one of them is said and tried again,
// and the others go on. Were the run to fail for one, all would come again, and on AWS the function would be frozen
// while calls of the others are under way.

import type { HostName } from '../../core/ids.ts';
import type { Order } from '../../core/order.ts';
import { readable } from '../../core/reason.ts';
import type { BatchHandler, MessageOutcome, ReceivedMessage } from '../../ports/queue.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/**
 * As often as every queue of orders lets a message come before it is a dead letter. A step that only waits (for GitHub,
 * for a claim under way) is none: after so many times it is left to the runner's deadline, which publishes it anew.
 */
export const receivesMax = 5;

/** After a fault: a table, or a host, that has a bad moment. As many tries as above take five minutes then. */
const faultRetryMs = 60_000;

/** `work` answers `null` where nothing more is to do, else the time after which the order is worth another try. */
export function eachByItself(
  { hostName, telemetry }: { hostName: HostName; telemetry: Telemetry },
  work: (order: Order) => Promise<number | null>,
): BatchHandler<Order> {
  return async (batch) => Promise.all(batch.map(handle));

  async function handle({ id, body, receiveCount }: ReceivedMessage<Order>): Promise<MessageOutcome> {
    try {
      const retryMs = await work(body);
      return retryMs === null || receiveCount >= receivesMax
        ? { id, outcome: 'done' }
        : { id, outcome: 'retry', delayMs: retryMs };
    } catch (error) {
      telemetry.log('error', 'an order failed, and is tried again', {
        host: hostName,
        status: body.status,
        runner: 'runner' in body ? body.runner : 'none',
        receiveCount,
        error: readable(String(error)),
      });
      return { id, outcome: 'retry', delayMs: faultRetryMs };
    }
  }
}
