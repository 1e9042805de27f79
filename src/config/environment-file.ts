// A `.env` beside the project, for whoever starts it by hand.

import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

type Variables = Readonly<Record<string, string | undefined>>;

/** `real` with what the file adds; what is really set wins. A file that is not there adds nothing. */
export function withEnvironmentFile(path: string, real: Variables): Variables {
  const text = textOf(path);
  return text === null ? real : { ...parseEnv(text), ...withoutEmpty(real) };
}

/** Composed files hand on `NAME=` for what nobody has set. */
function withoutEmpty(variables: Variables): Variables {
  return Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''),
  );
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new Error(
      `The environment file ${path} can not be read. Make it readable for this user, or remove it.`,
      {
        cause: error,
      },
    );
  }
}
