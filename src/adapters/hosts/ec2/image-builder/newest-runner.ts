// The newest version of GitHub's runner: where the page of the latest release leads to. Unlike the API it has no limit
// of requests, which functions in one region share with strangers by their address, and asks for no credential.

import { z } from 'zod';

const runnerReleases = 'https://github.com/actions/runner/releases';

const requestMsMax = 10_000;

const release = z.string().regex(/\/releases\/tag\/v\d{1,4}\.\d{1,5}\.\d{1,5}$/);

/** Throws where it can not be told: it is asked for again in an hour. */
export async function newestRunner(
  fetch: typeof globalThis.fetch,
  releases = runnerReleases,
): Promise<string> {
  const url = `${releases}/latest`;
  const response = await fetch(url, {
    method: 'HEAD',
    redirect: 'manual',
    signal: AbortSignal.timeout(requestMsMax),
  });
  const read = release.safeParse(response.headers.get('location'));
  if (read.success) return read.data.slice(read.data.lastIndexOf('/v') + 2);
  throw new Error(
    `${url} leads to no release: it answers ${response.status}. Remedy: nothing, it is asked again; if it stays, see ` +
      'whether functions reach GitHub.',
  );
}
