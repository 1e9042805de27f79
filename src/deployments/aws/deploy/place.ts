// Where a command works: which region, and whether that is AWS itself or an emulator on this machine.

type Variables = Readonly<Record<string, string | undefined>>;

export interface Place {
  /** `null` where neither the environment nor a profile says it. */
  region: string | null;
  /** `AWS_ENDPOINT_URL`; `null` is AWS itself. */
  endpoint: string | null;
  /** The endpoint is on this machine: nothing costs anything there, and stand-ins are allowed. */
  isEmulator: boolean;
}

export function placeOf(variables: Variables, regionOfProfile: string | null): Place {
  const endpoint = variables['AWS_ENDPOINT_URL'] || null;
  const region = variables['AWS_REGION'] || variables['AWS_DEFAULT_REGION'] || regionOfProfile;
  return { region, endpoint, isEmulator: endpoint !== null && isLoopback(endpoint) };
}

/** By its name alone: a name that only resolves to this machine may resolve to another one tomorrow. */
function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return /^(?:localhost|(?:[\w-]+\.)*localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
