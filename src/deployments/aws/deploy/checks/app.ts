// What GitHub says of the App: the same look as before `make start`, told as problems of this deployment.

import type { GitHubApp } from '../../../../adapters/github/app/index.ts';
import type { Problem } from '../../../../config/problem.ts';
import type { Configuration } from '../../../../core/configuration.ts';
import type { Clock } from '../../../../ports/clock.ts';
import { GitHubError } from '../../../../ports/github.ts';
import { checkApp } from '../../../embedded/startup-checks.ts';

export interface AppChecked {
  problems: readonly Problem[];
  warnings: readonly string[];
}

export async function lookAtApp(
  given: { github: GitHubApp; webUrl: string; apiUrl: string; clock: Clock },
  configuration: Configuration,
): Promise<AppChecked> {
  const { github, webUrl, apiUrl, clock } = given;
  try {
    const [app, installations] = await Promise.all([github.readApp(), github.installations()]);
    const findings = checkApp({ app, installations, now: clock.now(), webUrl }, configuration);
    return {
      problems: findings.filter(({ level }) => level === 'error').map(({ text }) => problemOf(text)),
      warnings: findings.filter(({ level }) => level === 'warning').map(({ text }) => text),
    };
  } catch (error) {
    if (!(error instanceof GitHubError)) throw error;
    const remedy = `see that ${apiUrl} is the address of its API, that this machine reaches it, and that the App's id and key belong together`;
    return { problems: [{ ...problemOf(error.message), remedy }], warnings: [] };
  }
}

/** A finding says its own remedy, behind that word. */
function problemOf(text: string): Problem {
  const [what = text, remedy = "change it in the App's settings at GitHub"] = text.split(' Remedy: ');
  return {
    place: 'GitHub App',
    what,
    allowed:
      'an App with the permissions and events of docs/guides/github-app.md, installed where jobs are served',
    remedy,
  };
}
