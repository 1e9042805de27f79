// What a machine does when it boots: scripts beside this file, put together with what is fixed about its pool. Nothing
// in them is secret, nor about a single runner: that a machine reads from its tags. They go into the launch template.

import { readFileSync } from 'node:fs';
import type { OperatingSystem } from '../../../../core/configuration.ts';
import type { Ec2Machine } from '../options.ts';

export interface BootPlaces {
  imds: string;
  library: string;
  units: string;
  /** macOS: where the service prints to. */
  consoleLog: string;
  /** macOS: of users that are made for one job. */
  homes: string;
  firstUid: number;
  /** macOS: what outlives a job, and a restart; root alone can read it. */
  stateFolder: string;
  /** macOS: where every user may make files, separated by blanks; and where cron keeps its tables. */
  sharedFolders: string;
  cronFolder: string;
  runnerFolder: string;
  runnerReleases: string;
  user: string;
  /** The log group that the machine ships its logs to, by the profile that it has; empty: it ships none. */
  logsGroup: string;
  /** Of CloudWatch Logs; empty: the region's own. */
  logsEndpoint: string;
}

/** Raw, before base64. [EC2: User data] */
export const userDataBytesMax = 16_384;

const noLogs = { logsGroup: '', logsEndpoint: '' };
const noReuse = { homes: '', firstUid: 0, stateFolder: '', sharedFolders: '', cronFolder: '' };

const places: Record<OperatingSystem, BootPlaces> = {
  linux: {
    imds: 'http://169.254.169.254/latest',
    library: '/usr/local/lib/ephemeral-runner',
    units: '/etc/systemd/system',
    consoleLog: '',
    ...noReuse,
    runnerFolder: '/opt/actions-runner',
    runnerReleases: 'https://github.com/actions/runner/releases',
    user: 'runner',
    ...noLogs,
  },
  macos: {
    imds: 'http://169.254.169.254/latest',
    library: '/usr/local/lib/ephemeral-runner',
    units: '/Library/LaunchDaemons',
    consoleLog: '/var/log/ephemeral-runner.log',
    homes: '/Users',
    // Far from those that macOS and people give.
    firstUid: 20_000,
    stateFolder: '/var/db/ephemeral-runner',
    sharedFolders:
      '/private/tmp /private/var/tmp /private/var/folders /Users/Shared /Library/Caches /Volumes',
    cronFolder: '/private/var/at/tabs',
    runnerFolder: '/Users/ec2-user/actions-runner',
    runnerReleases: 'https://github.com/actions/runner/releases',
    user: 'ec2-user',
    ...noLogs,
  },
  windows: {
    imds: 'http://169.254.169.254/latest',
    library: '',
    units: '',
    consoleLog: '',
    ...noReuse,
    runnerFolder: 'C:\\actions-runner',
    runnerReleases: 'https://github.com/actions/runner/releases',
    user: '',
    ...noLogs,
  },
};

/** A machine that is refused may be too early: its launch is written down within seconds. */
const refusalsMax = 10;
const pauseSecondsDefault = 5;
/** GitHub's hourly quota may be spent; nobody waits an hour for one machine. */
const pauseSecondsMax = 300;

/** Told to wait so often, at ten seconds each, a machine sets the end of its longest life anew: all five minutes. */
const rearmWaits = 30;

/** Often enough to read along, seldom enough that a machine makes 6 calls a minute. */
const logsSeconds = 10;

/**
 * What one call takes: a megabyte, with 26 bytes for each line, and 10,000 lines. Escaped, a byte is two at most on
 * Linux and macOS. [CloudWatch Logs: PutLogEvents]
 */
const logsMax = {
  sh: { logs_bytes_max: 200_000, logs_lines_max: 5_000, logs_rounds_max: 25 },
  powershell: { logs_characters_max: 8_000, logs_lines_max: 30 },
};

/** What is killed is gone within one; what is not in ten is stuck in the system. */
const killsMax = 10;

type BootMachine = Pick<Ec2Machine, 'architecture' | 'runner' | 'reuseHours'>;

/** Throws where EC2 would not take it. */
export function userDataOf(
  os: OperatingSystem,
  machine: BootMachine,
  given: Partial<BootPlaces> = {},
): string {
  const text = scriptOf(os, machine, { ...places[os], ...given });
  const bytes = Buffer.byteLength(text);
  if (bytes > userDataBytesMax)
    throw new Error(`the user data for ${os} has ${bytes} bytes; EC2 takes ${userDataBytesMax}`);
  return text;
}

function scriptOf(os: OperatingSystem, machine: BootMachine, at: BootPlaces): string {
  switch (os) {
    case 'linux':
    case 'macos':
      return [
        '#!/bin/sh',
        'set -eu',
        constants(machine, at, 'sh'),
        ...(os === 'macos' ? [assignments(ofMac(machine, at), 'sh')] : []),
        ...scripts(at, `${os}.sh`, 'unix.sh').map(withoutComments),
      ].join('\n');
    case 'windows':
      return windowsUserData(
        [constants(machine, at, 'powershell'), ...scripts(at, 'windows.ps1')].join('\n'),
      );
    default:
      return os satisfies never;
  }
}

/** Those that ship logs come first, where they are wanted: the last one is what runs. */
function scripts({ logsGroup }: BootPlaces, ...files: string[]): string[] {
  const language = files.at(-1)?.split('.').at(-1);
  return [...(logsGroup === '' ? [] : [`logs.${language}`]), ...files].map(read);
}

function constants(
  { architecture, runner }: BootMachine,
  at: BootPlaces,
  language: 'sh' | 'powershell',
): string {
  const values: Record<string, string | number> = {
    imds: at.imds,
    ...(language === 'sh' && { library: at.library, user: at.user }),
    ...(at.units !== '' && { units: at.units }),
    ...(at.consoleLog !== '' && { console_log: at.consoleLog }),
    runner_folder: at.runnerFolder,
    runner_releases: at.runnerReleases,
    architecture,
    runner_version: runner?.version ?? '',
    runner_sha256: runner?.sha256 ?? '',
    refusals_max: refusalsMax,
    pause_seconds_default: pauseSecondsDefault,
    pause_seconds_max: pauseSecondsMax,
    rearm_waits: rearmWaits,
    logs_group: at.logsGroup,
    ...(at.logsGroup !== '' && { logs_seconds: logsSeconds, ...logsMax[language] }),
    ...(at.logsGroup !== '' && language === 'sh' && { logs_endpoint: at.logsEndpoint }),
  };
  return assignments(values, language);
}

function ofMac({ reuseHours }: BootMachine, at: BootPlaces): Record<string, string | number> {
  return {
    reuse: reuseHours === 0 ? '' : 'yes',
    homes: at.homes,
    first_uid: at.firstUid,
    state_folder: at.stateFolder,
    shared_folders: at.sharedFolders,
    cron_folder: at.cronFolder,
    kills_max: killsMax,
  };
}

function assignments(
  values: Readonly<Record<string, string | number>>,
  language: 'sh' | 'powershell',
): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const quoted = quote(String(value));
      return language === 'sh' ? `${name}=${quoted}` : `$${pascal(name)} = ${quoted}`;
    })
    .join('\n');
}

/** EC2Launch v2 runs a task at every boot only where it says so. [EC2: EC2Launch v2 task configuration] */
function windowsUserData(script: string): string {
  return `version: 1.1
tasks:
  - task: executeScript
    inputs:
      - frequency: always
        type: powershell
        runAs: localSystem
        content: |-
${script.replace(/^(?=.)/gm, ' '.repeat(10))}`;
}

/** Both languages take a text in single quotes as it stands. */
function quote(value: string): string {
  if (/['\n]/.test(value)) throw new Error(`a value with a quote in a boot script: ${value}`);
  return `'${value}'`;
}

function pascal(name: string): string {
  return name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** They are for who reads the files, and take a quarter of what EC2 takes. What is said to a linter stays. */
function withoutComments(script: string): string {
  return script.replace(/^[ \t]*#(?! shellcheck ).*\n/gm, '');
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}
