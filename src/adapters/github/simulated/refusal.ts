// A refusal as GitHub words it: a status, a message, and the headers that say what would help.

export interface Refusal {
  outcome: 'refused';
  status: 401 | 403 | 404 | 409 | 422 | 429 | 502;
  message: string;
  /** Where a limit refused. */
  retryAfterSeconds?: number;
  /** The hour's requests are spent: the rate headers tell when they come back. */
  isPrimaryLimit?: true;
  /** `x-accepted-github-permissions`: what the App would need. */
  acceptedPermissions?: string;
  /** The installation itself is suspended or gone. */
  installationUnusable?: true;
}

export interface Done<Value> {
  outcome: 'done';
  value: Value;
}

/** The effect happened (or not), and the caller never hears: a connection that breaks after the request. */
interface AnswerLost {
  outcome: 'lost';
}

export type Answer<Value> = Done<Value> | Refusal | AnswerLost;

export function done<Value>(value: Value): Done<Value> {
  return { outcome: 'done', value };
}

export function notFound(): Refusal {
  return { outcome: 'refused', status: 404, message: 'Not Found' };
}

/** Not for want of a permission: the thing is in no state for it. */
export function forbidden(message: string): Refusal {
  return { outcome: 'refused', status: 403, message };
}

export function unprocessable(message: string): Refusal {
  return { outcome: 'refused', status: 422, message };
}

export function conflict(message: string): Refusal {
  return { outcome: 'refused', status: 409, message };
}
