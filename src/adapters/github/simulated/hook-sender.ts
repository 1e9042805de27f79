import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Deliver } from './deliveries.ts';

/** Connections to the receiver, kept alive: enough for a matrix of 256 to arrive within a second or two. */
const connectionsMax = 50;

/** Sends deliveries by HTTP POST. `close` ends the connections that are kept alive. */
export function createHookSender(url: string, timeoutMs: number): { deliver: Deliver; close(): void } {
  const target = new URL(url);
  const isSecure = target.protocol === 'https:';
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: connectionsMax });
  const send = isSecure ? httpsRequest : httpRequest;

  const deliver: Deliver = (delivery) =>
    new Promise((resolve, reject) => {
      const body = Buffer.from(delivery.body());
      const headers = { ...delivery.headers(), 'content-length': String(body.length) };
      const request = send(target, {
        method: 'POST',
        agent,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
      });
      request.on('response', (response) => {
        // Drained, so that the connection serves the next one.
        response.resume();
        response.on('end', () => resolve({ statusCode: response.statusCode ?? 0 }));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(body);
    });

  return { deliver, close: () => agent.destroy() };
}
