import type { Clock, EpochMs, Random } from '../../../ports/clock.ts';
import type { Installation } from './state.ts';

/** GitHub: one hour. */
const tokenLifetimeMs = 3_600_000;
/** Expired ones are looked for when there are more; a client that caches needs one an hour. */
const tokensMax = 10_000;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Installation tokens: `ghs_` and 36 characters, good for an hour. */
export function createTokens(clock: Clock, random: Random) {
  const tokens = new Map<string, { installation: Installation; expiresAt: EpochMs }>();

  const dropExpired = (): void => {
    for (const [token, { expiresAt }] of tokens) if (expiresAt <= clock.now()) tokens.delete(token);
  };

  return {
    issue(installation: Installation): { token: string; expiresAt: EpochMs } {
      if (tokens.size >= tokensMax) dropExpired();
      let token = 'ghs_';
      for (let i = 0; i < 36; i += 1) token += alphabet.charAt(Math.floor(random() * alphabet.length));
      const expiresAt = clock.now() + tokenLifetimeMs;
      tokens.set(token, { installation, expiresAt });
      return { token, expiresAt };
    },
    /** Null for an unknown or expired token, and for one whose installation was deleted. */
    installationOf(token: string): Installation | null {
      const found = tokens.get(token);
      if (!found || found.expiresAt <= clock.now() || found.installation.state === 'deleted') return null;
      return found.installation;
    },
  };
}
