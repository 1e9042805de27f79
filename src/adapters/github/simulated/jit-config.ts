// The just-in-time configuration as GitHub encodes it: base64 of a JSON object of files, each base64 again. It is
// longer than 4,096 characters, as the real one is since June 2025, so that what does not fit fails here too.
// The key in it is made up: long enough, but no key. A runner is known by the whole of its configuration.

import type { Runner } from './state.ts';

export interface JitConfigTerms {
  runner: Runner;
  /** 36 characters that can not be guessed. */
  secret: string;
  workFolder: string;
  /** Where the runner connects to. */
  serverUrl: string;
  gitHubUrl: string;
}

/** As a 3,072-bit key's numbers are long in base64: with less, the whole stays below 4,096. */
const keyNumberLengths = { dp: 256, dq: 256, inverseQ: 256, modulus: 512, p: 256, q: 256 };
const secretNumberLength = 512;
const secretLength = 36;
const filler = 'SimulatedKeyNotARealOne'.repeat(23);

// Nearly all of the key is the same for every runner, and is encoded once. Base64 is made of groups of three bytes,
// so both parts have to be whole groups: `{"d":"` and the secret are 6 and 36 bytes.
const keyBeginning = '{"d":"';
const keyEnd = Buffer.from(
  `${filler.slice(0, secretNumberLength - secretLength)}","exponent":"AQAB",${JSON.stringify(
    Object.fromEntries(
      Object.entries(keyNumberLengths).map(([name, length]) => [name, filler.slice(0, length)]),
    ),
  ).slice(1)}`,
).toString('base64');

export function encodeJitConfig({
  runner,
  secret,
  workFolder,
  serverUrl,
  gitHubUrl,
}: JitConfigTerms): string {
  const settings = {
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
  };
  const credentials = {
    Scheme: 'OAuth',
    Data: {
      ClientId: secret,
      AuthorizationUrl: `${serverUrl}/_simulator/runner/oauth2/token`,
      RequireFipsCryptography: 'True',
    },
  };
  const files =
    `{".runner":"${toBase64(JSON.stringify(settings))}",` +
    `".credentials":"${toBase64(JSON.stringify(credentials))}",` +
    `".credentials_rsaparams":"${toBase64(keyBeginning + secret)}${keyEnd}"}`;
  return toBase64(files);
}

/** Enough of a configuration to tell it from others: the runner's id stands at the beginning. */
export function jitConfigKey(jitConfig: string): string {
  return jitConfig.slice(0, 64);
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
