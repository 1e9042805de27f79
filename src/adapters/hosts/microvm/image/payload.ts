// What a machine is told by its `/run` hook, as the launcher writes it and the machine reads it. No package: the machine's
// programs are small, and all that is in them is in every snapshot's memory.

export interface HookPayload {
  runner: string;
  /** Where it claims. */
  claimUrl: string;
  /** Secret: what it claims with. */
  token: string;
  /** W3C trace context. */
  traceparent: string;
}

const patterns: Readonly<Record<keyof HookPayload, RegExp>> = {
  runner: /^[a-z0-9-]{1,64}$/,
  claimUrl: /^(?:https:\/\/|http:\/\/127\.0\.0\.1:)[^\s"\\]{1,2000}\/claim$/,
  token: /^[\x21-\x7e]{1,200}$/,
  traceparent: /^[0-9a-f-]{0,64}$/,
};

/**
 * The platform's envelope, `{"microvmId": …, "runHookPayload": "…"}`, with the text of the launch in it; or that text
 * alone, as the documents have it. `null`: it is not of this system.
 */
export function readHookBody(body: string): HookPayload | null {
  const told = parsed(body);
  const inner = told?.['runHookPayload'];
  const payload = typeof inner === 'string' ? parsed(inner) : told;
  if (!payload) return null;
  const read = (key: keyof HookPayload): string | null => {
    const value = payload[key];
    return typeof value === 'string' && patterns[key].test(value) ? value : null;
  };
  const [runner, claimUrl] = [read('runner'), read('claimUrl')];
  const [token, traceparent] = [read('token'), read('traceparent')];
  if (runner === null || claimUrl === null || token === null || traceparent === null) return null;
  return { runner, claimUrl, token, traceparent };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
