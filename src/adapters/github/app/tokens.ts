// Tokens of installations: each lives an hour and serves every request of its installation. However many requests
// start at once, GitHub is asked for one token.

import type { Clock, EpochMs } from '../../../ports/clock.ts';

interface Token {
  text: string;
  receivedAt: EpochMs;
  expiresAt: EpochMs;
}

export interface Tokens {
  get(installation: number): Promise<Token>;
  /** GitHub no longer takes this one (the installation was suspended meanwhile, its rights changed). */
  drop(installation: number, token: Token): void;
}

/** Renewed this long before its end, so that no request is on its way with a token that expires. */
const renewBeforeMs = 5 * 60_000;
/** GitHub's term. A clock of ours that is behind GitHub's would otherwise count on more. */
const lifetimeMsMax = 60 * 60_000;

export function createTokens(
  clock: Clock,
  ask: (installation: number) => Promise<{ text: string; expiresAt: EpochMs }>,
): Tokens {
  const tokens = new Map<number, Token>();
  const asked = new Map<number, Promise<Token>>();

  async function renew(installation: number): Promise<Token> {
    const { text, expiresAt } = await ask(installation);
    const now = clock.now();
    const token = { text, receivedAt: now, expiresAt: Math.min(expiresAt, now + lifetimeMsMax) };
    tokens.set(installation, token);
    return token;
  }

  return {
    get(installation) {
      const token = tokens.get(installation);
      if (token && clock.now() < token.expiresAt - renewBeforeMs) return Promise.resolve(token);
      const underWay = asked.get(installation);
      if (underWay !== undefined) return underWay;
      const renewed = renew(installation).finally(() => asked.delete(installation));
      asked.set(installation, renewed);
      return renewed;
    },

    drop(installation, token) {
      if (tokens.get(installation) === token) tokens.delete(installation);
    },
  };
}
