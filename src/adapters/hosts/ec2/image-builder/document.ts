// The documents that Image Builder works by, made of the scripts beside this file: what is done to a machine before its
// image is taken, and what is looked at on a machine that has booted from the image, before that is published. They are
// JSON, which is YAML too. [EC2 Image Builder: Component document framework]

import { readFileSync } from 'node:fs';
import type { BuiltImage } from './built.ts';

export interface BuildPlaces {
  releases: string;
  api: string;
  runnerFolder: string;
  toolCache: string;
  packageLists: string;
  sudoers: string;
  user: string;
}

/** Inline; more would have to lie in a bucket. [EC2 Image Builder: CreateComponent] */
const documentCharactersMax = 16_000;

/** Downloads and packages of a slow day. */
const buildSecondsMax = 3_600;
const checkSecondsMax = 900;

const linuxPlaces: BuildPlaces = {
  releases: 'https://github.com/actions/runner/releases',
  api: 'https://api.github.com/repos/actions/runner',
  runnerFolder: '/opt/actions-runner',
  toolCache: '/opt/hostedtoolcache',
  packageLists: '/var/lib/apt/lists',
  sudoers: '/etc/sudoers.d/90-runner',
  user: 'runner',
};

/** `docker.io` with what its command line has on GitHub's own machines; the rest is what most build scripts begin with. */
const packages = [
  ...['build-essential', 'ca-certificates', 'curl', 'docker-buildx', 'docker-compose-v2', 'docker.io', 'git'],
  ...['git-lfs', 'gnupg', 'iproute2', 'jq', 'openssh-client', 'pkg-config', 'python3', 'python3-pip'],
  ...['python3-venv', 'rsync', 'sudo', 'unzip', 'wget', 'xz-utils', 'zip', 'zstd'],
];

const windowsConstants = {
  Api: 'https://api.github.com/repos',
  DockerReleases: 'https://download.docker.com/win/static/stable/x86_64',
  RunnerFolder: 'C:\\actions-runner',
  TriesMax: '8',
};

interface Step {
  name: string;
  action: 'ExecuteBash' | 'ExecutePowerShell' | 'Reboot';
  timeoutSeconds?: number;
  onFailure: 'Abort';
  inputs: { commands: string[] } | { delaySeconds: number };
}

/** Throws where Image Builder would not take it. */
export function componentDocument({ os }: Pick<BuiltImage, 'os'>): string {
  const { build, check } = os === 'linux' ? linuxSteps() : windowsSteps();
  const document = JSON.stringify({
    name: `runner-${os}`,
    description: "GitHub's runner with what its jobs take for granted",
    schemaVersion: '1.0',
    phases: [
      { name: 'build', steps: build },
      { name: 'test', steps: check },
    ],
  });
  // Image Builder would take what stands in double braces for a variable of its own.
  if (document.length > documentCharactersMax || document.includes('{{'))
    throw new Error(
      `the component for ${os} can not be used: ${document.length} characters, or double braces`,
    );
  return document;
}

function linuxSteps(): { build: Step[]; check: Step[] } {
  return {
    build: [step('Install', 'ExecuteBash', linuxScript('linux.sh'), buildSecondsMax)],
    check: [step('Check', 'ExecuteBash', linuxScript('linux-check.sh'), checkSecondsMax)],
  };
}

function windowsSteps(): { build: Step[]; check: Step[] } {
  const feature = 'Install-WindowsFeature -Name Containers | Out-Null';
  return {
    build: [
      step('Feature', 'ExecutePowerShell', feature, buildSecondsMax),
      { name: 'Restart', action: 'Reboot', onFailure: 'Abort', inputs: { delaySeconds: 10 } },
      step('Install', 'ExecutePowerShell', windowsScript('windows.ps1'), buildSecondsMax),
    ],
    check: [step('Check', 'ExecutePowerShell', windowsScript('windows-check.ps1'), checkSecondsMax)],
  };
}

function step(
  name: string,
  action: 'ExecuteBash' | 'ExecutePowerShell',
  script: string,
  timeoutSeconds: number,
): Step {
  return { name, action, timeoutSeconds, onFailure: 'Abort', inputs: { commands: [script] } };
}

export function linuxScript(file: 'linux.sh' | 'linux-check.sh', given: Partial<BuildPlaces> = {}): string {
  const at = { ...linuxPlaces, ...given };
  const constants = {
    ...{ releases: at.releases, api: at.api, packages: packages.join(' '), runner_folder: at.runnerFolder },
    ...{ tool_cache: at.toolCache, package_lists: at.packageLists, sudoers: at.sudoers, user: at.user },
  };
  const used = read(file);
  const set = Object.entries(constants)
    .filter(([name]) => used.includes(`$${name}`) || used.includes(`\${${name}`))
    .map(([name, value]) => `${name}='${value}'`);
  return ['set -eu', ...set, used].join('\n');
}

export function windowsScript(file: 'windows.ps1' | 'windows-check.ps1'): string {
  const used = read(file);
  const set = Object.entries(windowsConstants)
    .filter(([name]) => used.includes(`$${name}`))
    .map(([name, value]) => `$${name} = '${value}'`);
  return [...set, used].join('\n');
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}
