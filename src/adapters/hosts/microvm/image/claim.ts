// A machine asks for its configuration until it gets it or is told that it is not wanted. A spare asks on and on; one that
// was suspended meanwhile asks as soon as it is resumed.

import type { HookPayload } from './payload.ts';

export interface Wake {
  /** Ends the pause, if there is one. */
  now: () => void;
}

/** GitHub's answer, behind the claim, takes seconds at most. */
const claimMsMax = 30_000;
/** GitHub's hourly quota may be spent; nobody waits an hour for one machine. */
const pauseSecondsMax = 300;
/** A machine that is refused may be too early: its launch is written down within seconds. */
const refusalsMax = 10;
/** A configuration has some 5 KB. */
const answerLengthMax = 262_144;

/** `null`: it is not wanted. */
export async function claim(
  { claimUrl, runner, token }: HookPayload,
  pauseSeconds: number,
  wake: Wake,
): Promise<string | null> {
  const body = JSON.stringify({ runner, token });
  for (let refusals = 0; refusals < refusalsMax; ) {
    const { status, jitConfig, seconds } = await ask(claimUrl, body);
    if (status === 200 && jitConfig !== null) return jitConfig;
    if (status === 410) {
      console.error('this machine is not wanted any more');
      return null;
    }
    // It stands by (202), GitHub grants no more for a while (429), a fault (5xx), nobody is there (0): it may change.
    const mayChange = status === 0 || status === 202 || status === 429 || status >= 500;
    if (!mayChange) {
      refusals += 1;
      console.error(`the claim was refused: ${status}`);
    }
    await pause(Math.min(seconds ?? pauseSeconds, pauseSecondsMax), wake);
  }
  return null;
}

interface Asked {
  status: number;
  jitConfig: string | null;
  seconds: number | null;
}

async function ask(url: string, body: string): Promise<Asked> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(claimMsMax),
    });
    const after = Number(answer.headers.get('retry-after'));
    const text = await answer.text();
    return {
      status: answer.status,
      jitConfig: answer.status === 200 ? configurationIn(text) : null,
      seconds: Number.isFinite(after) && after >= 1 ? after : null,
    };
  } catch {
    return { status: 0, jitConfig: null, seconds: null };
  }
}

function configurationIn(text: string): string | null {
  if (text.length > answerLengthMax) return null;
  try {
    const { jitConfig } = JSON.parse(text) as { jitConfig?: unknown };
    return typeof jitConfig === 'string' && /^[\w+/=-]+$/.test(jitConfig) ? jitConfig : null;
  } catch {
    return null;
  }
}

function pause(seconds: number, wake: Wake): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    wake.now = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
