// The just-in-time configuration as GitHub encodes it: base64 of a JSON object of files, each base64 again. It is
// longer than 4,096 characters, as the real one is since June 2025, so that what does not fit fails here too.
// The key in it is made up: long enough, but no key; what proves the runner is the secret in its first part.

import type { Runner } from './state.ts';

/** As a 3,072-bit key's numbers are long in base64: with less, the whole stays below 4,096. */
const keyNumberLengths = { d: 512, dp: 256, dq: 256, inverseQ: 256, modulus: 512, p: 256, q: 256 };
const filler = 'SimulatedKeyNotARealOne'.repeat(23);

/** What a runner finds out of its configuration. */
export interface RunnerIdentity {
  runnerId: number;
  name: string;
  secret: string;
  /** Where to connect to. */
  serverUrl: string;
  workFolder: string;
}

export interface JitConfigTerms {
  runner: Runner;
  workFolder: string;
  serverUrl: string;
  gitHubUrl: string;
}

export function encodeJitConfig({ runner, workFolder, serverUrl, gitHubUrl }: JitConfigTerms): string {
  return toBase64({
    '.runner': toBase64({
      AgentId: String(runner.id),
      AgentName: runner.name,
      DisableUpdate: 'False',
      Ephemeral: 'True',
      PoolId: String(runner.group.id),
      PoolName: runner.group.name,
      ServerUrl: serverUrl,
      GitHubUrl: gitHubUrl,
      WorkFolder: workFolder,
      UseV2Flow: 'True',
      ServerUrlV2: serverUrl,
    }),
    '.credentials': toBase64({
      Scheme: 'OAuth',
      Data: {
        ClientId: runner.secret.slice(0, 36),
        AuthorizationUrl: `${serverUrl}/_simulator/runner/oauth2/token`,
        RequireFipsCryptography: 'True',
      },
    }),
    '.credentials_rsaparams': toBase64({
      ...Object.fromEntries(
        Object.entries(keyNumberLengths).map(([name, length]) => [name, filler.slice(0, length)]),
      ),
      d: (runner.secret + filler).slice(0, keyNumberLengths.d),
      exponent: 'AQAB',
    }),
  });
}

/** Null for what is none. The secret's length is the caller's: the stand-in compares its beginning. */
export function decodeJitConfig(jitConfig: string): Omit<RunnerIdentity, 'serverUrl'> | null {
  try {
    const files = fromBase64(jitConfig);
    const settings = fromBase64(files['.runner']);
    const key = fromBase64(files['.credentials_rsaparams']);
    const runnerId = Number(settings['AgentId']);
    const { AgentName: name, WorkFolder: workFolder } = settings;
    const d = key['d'];
    if (!Number.isSafeInteger(runnerId) || typeof name !== 'string' || typeof d !== 'string') return null;
    return { runnerId, name, secret: d, workFolder: typeof workFolder === 'string' ? workFolder : '_work' };
  } catch {
    return null;
  }
}

function toBase64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

function fromBase64(text: unknown): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(String(text), 'base64').toString());
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
