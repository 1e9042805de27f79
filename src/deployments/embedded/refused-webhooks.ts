import type { Answer } from '../../flow/producer/answer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** Anyone can send a webhook that is refused, so the log hears of them now and then. */
const quietMs = 60_000;

/** The door that tells its operator when a webhook is refused: a wrong secret is seen nowhere else but at GitHub. */
export function tellOfRefused<Request>(
  door: (request: Request) => Promise<Answer>,
  { clock, telemetry }: { clock: Clock; telemetry: Telemetry },
): (request: Request) => Promise<Answer> {
  let toldAt: number | null = null;
  return async (request) => {
    const answer = await door(request);
    const isRefused = answer.status === 400 || answer.status === 401;
    if (isRefused && (toldAt === null || clock.now() >= toldAt + quietMs)) {
      toldAt = clock.now();
      telemetry.log('warn', 'a webhook was refused; others are for a minute without a word', {
        status: answer.status,
        why: String(answer.body['message'] ?? ''),
        remedy: "see whether GitHub sent it, under the App's recent deliveries",
      });
    }
    return answer;
  };
}
