// What is looked at before a real GitHub is served: what would otherwise show only as jobs that wait for ever. Each
// finding says what was found, what is needed and what to do.

import type { AppFacts } from '../../adapters/github/app/index.ts';
import type { Configuration } from '../../core/configuration.ts';
import { readable } from '../../core/reason.ts';
import type { EpochMs } from '../../ports/clock.ts';
import type { InstallationRef } from '../../ports/github.ts';

export interface Finding {
  /** With an error nothing is started. */
  level: 'error' | 'warning';
  text: string;
}

export interface AppSeen {
  app: AppFacts;
  installations: readonly InstallationRef[];
  /** Our clock when GitHub answered. */
  now: EpochMs;
  webUrl: string;
}

/** GitHub takes the App's proof of identity while clocks differ by less than a minute. */
const skewMsMax = 30_000;
/** Accounts named in one finding. */
const accountsShownMax = 10;

export function checkApp(seen: AppSeen, configuration: Configuration): Finding[] {
  return [
    ...checkPermissions(seen.app, configuration),
    ...checkEvents(seen.app),
    ...checkInstallations(seen, configuration),
    ...checkClock(seen),
  ];
}

function checkPermissions({ permissions }: AppFacts, { pools }: Configuration): Finding[] {
  if (permissions === null) return [];
  const findings: Finding[] = [];
  const remedy = "grant it in the App's settings at GitHub, then accept the change in each installation";
  const hasActions = 'actions' in permissions;
  if (!hasActions) {
    const text = `The App lacks the permission “Actions: read”: without it no job's event is sent. Remedy: ${remedy}.`;
    findings.push({ level: 'error', text });
  }
  const rerunning = pools.find((pool) => pool.rerunInterrupted);
  if (rerunning && hasActions && permissions['actions'] !== 'write') {
    const needed = `The App lacks the permission “Actions: read and write”, which pool ${rerunning.name} needs for rerunInterrupted`;
    findings.push({ level: 'warning', text: `${needed}: its jobs are not run again. Remedy: ${remedy}.` });
  }
  const ofOrganisation = permissions['organization_self_hosted_runners'] === 'write';
  const ofRepository = permissions['administration'] === 'write';
  const atRepository = pools.find((pool) => pool.register === 'repository');
  const atOrganisation = pools.find((pool) => pool.register === 'organisation');
  if (atRepository && !ofRepository) {
    const needed = `The App lacks the permission “Administration: read and write”, which pool ${atRepository.name} needs`;
    findings.push({
      level: 'error',
      text: `${needed}: its runners register at repositories. Remedy: ${remedy}.`,
    });
  }
  if (atOrganisation && !ofOrganisation) {
    const needed = `The App lacks the permission “Self-hosted runners (organisation): read and write”, which pool ${atOrganisation.name} needs`;
    const level = ofRepository ? 'warning' : 'error';
    const so = ofRepository ? 'only repositories of users get runners of it' : 'no runner can register';
    findings.push({ level, text: `${needed}: ${so}. Remedy: ${remedy}.` });
  }
  return findings;
}

function checkEvents({ events }: AppFacts): Finding[] {
  if (events === null || events.includes('workflow_job')) return [];
  const text =
    'The App is not subscribed to the event “Workflow job”, so GitHub tells nothing of jobs. Remedy: tick it in the ' +
    "App's settings under “Permissions & events”.";
  return [{ level: 'error', text }];
}

function checkInstallations({ app, installations, webUrl }: AppSeen, { allow }: Configuration): Finding[] {
  const install = `${webUrl}/apps/${app.slug}/installations/new`;
  const accounts = installations.map(({ account }) => readable(account));
  if (accounts.length === 0) {
    const text = `The App is installed nowhere yet, so no job can come. Remedy: install it at ${install}.`;
    return [{ level: 'warning', text }];
  }
  if (allow.kind === 'onlyInstallation') {
    if (accounts.length === 1) return [];
    const shown = accounts.slice(0, accountsShownMax).join(', ');
    const text =
      `The App is installed ${accounts.length} times (${shown}${accounts.length > accountsShownMax ? ', …' : ''}), and ` +
      'the configuration does not say whose jobs are served. Remedy: write allow: { owners: [...] }.';
    return [{ level: 'error', text }];
  }
  const missing = allow.owners.filter((owner) => !accounts.includes(owner));
  if (missing.length === 0) return [];
  const text =
    `allow.owners names ${missing.slice(0, accountsShownMax).join(', ')}, where the App is not installed: no job comes ` +
    `from there. Remedy: install it at ${install}, or take the name out.`;
  return [{ level: 'warning', text }];
}

function checkClock({ app, now }: AppSeen): Finding[] {
  if (app.at === null || Math.abs(now - app.at) <= skewMsMax) return [];
  const seconds = Math.round((now - app.at) / 1000);
  const text =
    `This machine's clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} GitHub's. From a minute on ` +
    'GitHub refuses the App. Remedy: synchronise it (NTP).';
  return [{ level: 'warning', text }];
}
