// The system in a process on this machine, by its local API: where it listens, and the token, are in a file of its data
// directory that only its owner can read.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type LocalApiAddress,
  localApiAddress,
  localApiFile,
} from '../deployments/embedded/local-api-file.ts';
import { linesOfLog } from './local-log.ts';
import { CommandError, exitCodes, noSuchQueue, type Redriven, type Source } from './source.ts';

/** It answers from its table within moments; a backlog of many thousands takes some seconds. */
const answerMsMax = 30_000;

interface Init {
  method?: string;
  body?: unknown;
}

export async function openLocalSource(dataDirectory: string): Promise<Source> {
  const { url, token } = await readAddress(dataDirectory);
  if (url === null) throw notRunning(dataDirectory, 'it has been stopped', null);

  /** Answers what is well, or that there is no such thing. */
  async function ask(path: string, init: Init = {}): Promise<Response> {
    const response = await fetch(`${url}${path}`, {
      method: init.method ?? 'GET',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(answerMsMax),
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    }).catch((cause: unknown) => {
      throw notRunning(dataDirectory, `nothing answers at ${url}`, cause);
    });
    if (response.ok || response.status === 404) return response;
    const { message } = z
      .object({ message: z.string() })
      .catch({ message: `it answered ${response.status}` })
      .parse(await response.json().catch(() => null));
    throw new CommandError(message, {
      exitCode: response.status === 400 ? exitCodes.usage : exitCodes.failed,
    });
  }

  /** The same code on both sides made it: it is not checked a second time. */
  async function readIfThere<Answer>(path: string, init?: Init): Promise<Answer | null> {
    const response = await ask(path, init);
    return response.status === 404 ? null : ((await response.json()) as Answer);
  }

  async function read<Answer>(path: string, init?: Init): Promise<Answer> {
    const answer = await readIfThere<Answer>(path, init);
    if (answer === null)
      throw new CommandError(`the system does not know ${path}: is it an older one?`, {
        exitCode: exitCodes.failed,
      });
    return answer;
  }

  return {
    status: () => read('/status'),
    jobs: ({ pool, repository, limit }) => {
      const query = new URLSearchParams({ limit: String(limit) });
      if (pool !== null) query.set('pool', pool);
      if (repository !== null) query.set('repository', repository);
      return read(`/jobs?${query}`);
    },
    why: (jobId) => readIfThere(`/jobs/${jobId}`),
    changePool: (pool, change) =>
      readIfThere(`/pools/${encodeURIComponent(pool)}`, { method: 'POST', body: change }),
    async log(runner, wanted) {
      if (wanted.part === 'diag')
        throw new CommandError(
          'The diagnostics of a runner on a local host are in its work directory, and go with it: leave out --diag.',
          { exitCode: exitCodes.failed },
        );
      const readEnd = async () => {
        const response = await ask(`/runners/${encodeURIComponent(runner)}/log`);
        return response.status === 404 ? null : response.text();
      };
      const first = await readEnd();
      return first === null ? null : linesOfLog(first, readEnd, wanted);
    },
    async redrive(queue) {
      const query = queue === null ? '' : `?queue=${encodeURIComponent(queue)}`;
      const response = await ask(`/redrive${query}`, { method: 'POST' });
      if (response.status === 404) throw noSuchQueue(queue ?? '', (await response.json()) as string[]);
      return (await response.json()) as Redriven[];
    },
    close: () => {},
  };
}

async function readAddress(dataDirectory: string): Promise<LocalApiAddress> {
  const path = join(dataDirectory, localApiFile);
  try {
    return localApiAddress.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'EACCES')
      throw new CommandError(
        `${path} can only be read by the user whom the system runs as: run this command as that user.`,
        { exitCode: exitCodes.notReached, cause: error },
      );
    throw notRunning(
      dataDirectory,
      code === 'ENOENT' ? `there is no ${path}` : `${path} can not be read`,
      error,
    );
  }
}

function notRunning(dataDirectory: string, what: string, cause: unknown): CommandError {
  return new CommandError(
    `No system runs with the data directory ${dataDirectory}: ${what}.\n` +
      'Start it (make start), name its data directory (--data-dir, or DATA_DIR), or name a deployed one (--stack).',
    { exitCode: exitCodes.notReached, cause },
  );
}
