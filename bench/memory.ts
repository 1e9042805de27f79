// How long a start takes, and how much memory the process has, with nothing to do and with very many jobs waiting.

import { join } from 'node:path';
import { createBacklog } from './backlog.ts';
import { type Measure, shownMs } from './figure.ts';
import { inFolder, makeKeys } from './setting.ts';
import { startSystem } from './start-system.ts';
import { startStubGitHub } from './stub-github.ts';

const jobsMany = 100_000;
const mebibyte = 1024 ** 2;
/** The first look at everything is over. */
const settleMs = 2_000;

export const measureMemory: Measure = async () => {
  const empty = await start(0);
  const full = await start(jobsMany);
  const many = jobsMany.toLocaleString('en');
  return [
    {
      figure: 'start of the process until its port is open',
      aim: 'stated',
      measured: `${shownMs(empty.startMs)}; with ${many} jobs waiting ${shownMs(full.startMs)}`,
    },
    {
      figure: 'resident memory',
      aim: 'stated',
      measured: `${empty.mebibytes.toFixed(0)} MB; with ${many} jobs waiting ${full.mebibytes.toFixed(0)} MB`,
    },
  ];
};

function start(jobs: number): Promise<{ startMs: number; mebibytes: number }> {
  return inFolder(async (dataDirectory) => {
    if (jobs > 0) {
      const backlog = await createBacklog(join(dataDirectory, 'jobs.sqlite'));
      await backlog.growTo(jobs);
      backlog.close();
    }
    const gitHub = await startStubGitHub(() => {});
    const { privateKey } = makeKeys();
    const system = await startSystem({ gitHubUrl: gitHub.url, privateKey, dataDirectory, limit: 20 });
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const { residentBytes } = await system.usage();
    const { startMs } = system;
    await system.stop();
    await gitHub.close();
    return { startMs, mebibytes: residentBytes / mebibyte };
  });
}
