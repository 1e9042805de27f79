// A machine for boot scripts: the script runs for real, in a folder of its own, against a metadata service, a claim
// door and a release page on the loopback. What would change this computer (to shut it down, to make a user or a
// service) is a program of the test's that writes down how it was called.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BootPlaces, userDataOf } from './index.ts';
import { type LogsStandIn, profile, region } from './testing-logs.ts';

interface Knock {
  method: string;
  path: string;
  body: string;
}

export interface DoorAnswer {
  status: number;
  body?: object;
  retryAfterSeconds?: number;
}

export interface BootMachine {
  folder: string;
  runnerFolder: string;
  knocks: Knock[];
  tags: Map<string, string>;
  /** How the programs that would change the computer were called. */
  calls(program: string): string[];
  /** Runs the script to its end. */
  boot(...args: string[]): Promise<{ code: number | null; output: string }>;
  writeRunner(script: string): void;
  /** What the system's journal has of the script. */
  writeJournal(text: string): void;
  milestones(): string[];
  close(): Promise<void>;
}

const stubbed = {
  linux: ['shutdown', 'systemctl', 'systemd-run', 'useradd', 'usermod', 'sleep'],
  macos: ['shutdown', 'launchctl', 'killall', 'sleep', 'chflags'],
};
export const identity = 'MIAGCSqGSIb3DQEHAqCA\nsigned/document+of==\nthis/machine';

export async function makeBootMachine(given: {
  /** Where the programs are that the script calls, as `PATH` has it. */
  path: string;
  /** Linux, if it is left out. */
  os?: 'linux' | 'macos';
  claim?: (times: number) => DoorAnswer;
  releases?: (path: string, response: ServerResponse) => void;
  runner?: { version: string; sha256: string };
  /** macOS: 0, if it is left out. Else it makes users, which root alone can. */
  reuseHours?: number;
  places?: Partial<BootPlaces>;
  /** The machine has a profile, and ships its logs there. */
  logs?: { group: string; standIn: LogsStandIn };
}): Promise<BootMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'boot-'));
  const bin = join(folder, 'bin');
  const runnerFolder = join(folder, 'actions-runner');
  const library = join(folder, 'lib');
  const units = join(folder, 'units');
  for (const one of [bin, units]) mkdirSync(one);
  const { os = 'linux' } = given;
  for (const program of stubbed[os])
    writeProgram(join(bin, program), `#!/bin/sh\necho "$*" >>"${folder}/${program}.calls"\n`);
  writeProgram(join(bin, 'journalctl'), `#!/bin/sh\ncat "${folder}/journal"\n: >"${folder}/journal"\n`);
  // That of macOS asks for no password of root's. A user that was made by the script is really another one here.
  writeProgram(
    join(bin, 'sudo'),
    `#!/bin/sh
if [ "$1" = -n ]; then test -e "${folder}/every-user-is-root"; exit; fi
echo "$*" >>"${folder}/sudo.calls"
as=$3
while [ "$1" != -- ]; do shift; done
shift
case "$as" in job*) ;; *) exec "$@" ;; esac
home=$(cat "${folder}/directory/Users/$as/NFSHomeDirectory")
exec env -i PATH="$PATH" HOME="$home" USER="$as" ACTIONS_RUNNER_INPUT_JITCONFIG="\${ACTIONS_RUNNER_INPUT_JITCONFIG-}" \
  ACTIONS_RUNNER_HOOK_JOB_STARTED="\${ACTIONS_RUNNER_HOOK_JOB_STARTED-}" TRACEPARENT="\${TRACEPARENT-}" \
  setpriv --reuid "\${as#job}" --regid "\${as#job}" --clear-groups "$@"
`,
  );
  if (os === 'macos') {
    // The directory of users and groups, a file for each of their attributes.
    writeProgram(
      join(bin, 'dscl'),
      `#!/bin/sh
echo "$*" >>"${folder}/dscl.calls"
record="${folder}/directory$3"
case "$2" in
  -create) mkdir -p "$record" && printf '%s' "$5" >"$record/$4" ;;
  -read) cat "$record/$4" ;;
  -delete) rm -r "$record" ;;
esac
`,
    );
    writeProgram(join(bin, 'mount'), `#!/bin/sh\ncat "${folder}/mounts" 2>/dev/null || true\n`);
    // It lets go of what is on the last line.
    writeProgram(
      join(bin, 'umount'),
      `#!/bin/sh\necho "$*" >>"${folder}/umount.calls"\ntest ! -w "${folder}/mounts" || sed -i '$d' "${folder}/mounts"\n`,
    );
    const stateFolder = join(folder, 'state');
    for (const one of [stateFolder, ...['homes', 'cron'].map((name) => join(folder, name))]) mkdirSync(one);
    for (const one of ['tmp', 'folders']) {
      mkdirSync(join(folder, one));
      chmodSync(join(folder, one), 0o1777);
    }
    // Its users are others than who made the folder.
    chmodSync(folder, 0o755);
  }
  // Whoever ships logs waits in the background: at once would be for ever.
  if (given.logs) writeProgram(join(bin, 'sleep'), '#!/bin/sh\nexec /bin/sleep 0.05\n');
  const knocks: Knock[] = [];
  let claims = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = '', url: path = '' } = request;
    const content = Buffer.concat(chunks);
    if (path === '/')
      return void response.writeHead(given.logs?.standIn.answer(request, content) ?? 404).end();
    knocks.push({ method, path, body: content.toString('utf8') });
    if (path.startsWith('/latest/')) return metadata(request, response, path.slice('/latest/'.length));
    if (path.startsWith('/releases')) return given.releases?.(path, response);
    if (path === '/runners/milestones') return void response.writeHead(202).end('{}');
    if (path !== '/runners/claim') return void response.writeHead(404).end();
    claims += 1;
    const { status, body = {}, retryAfterSeconds } = given.claim?.(claims) ?? { status: 410 };
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    });
    response.end(JSON.stringify(body));
  }

  function metadata(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (path === 'api/token' && request.method === 'PUT') return void response.end('metadata-token');
    if (request.headers['x-aws-ec2-metadata-token'] !== 'metadata-token')
      return void response.writeHead(401).end();
    const found = facts.get(path) ?? tags.get(path.replace('meta-data/tags/instance/', ''));
    if (found === undefined) return void response.writeHead(404).end();
    response.end(found);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tags = new Map([
    ['runners:name', 'own1-ec2-build-00000000000000000000000001'],
    ['runners:claim', `${url}/runners/claim`],
    ['runners:lifetime', '3600'],
  ]);
  const credentials = 'meta-data/iam/security-credentials/';
  const facts = new Map([
    ['dynamic/instance-identity/rsa2048', identity],
    ['meta-data/placement/region', region],
    ['meta-data/instance-id', 'i-0123456789abcdef0'],
    ['meta-data/services/domain', 'amazonaws.com'],
    ...(given.logs
      ? ([
          [credentials, 'ships-logs'],
          [`${credentials}ships-logs`, JSON.stringify({ Code: 'Success', ...profile }, null, 2)],
        ] as const)
      : []),
  ]);
  const script = join(folder, 'user-data');
  const { runner, places } = given;
  const text = userDataOf(
    os,
    { architecture: 'x64', runner, reuseHours: given.reuseHours ?? 0 },
    {
      ...{ imds: `${url}/latest`, library, units, runnerFolder, runnerReleases: `${url}/releases` },
      user: userInfo().username,
      ...(os === 'macos' && {
        consoleLog: join(folder, 'console.log'),
        homes: join(folder, 'homes'),
        stateFolder: join(folder, 'state'),
        sharedFolders: [join(folder, 'tmp'), join(folder, 'folders')].join(' '),
        cronFolder: join(folder, 'cron'),
      }),
      ...(given.logs && { logsGroup: given.logs.group, logsEndpoint: url }),
      ...places,
    },
  );
  writeProgram(script, text);
  const running = new Set<ChildProcess>();

  return {
    folder,
    runnerFolder,
    knocks,
    tags,
    calls: (program) => {
      const file = join(folder, `${program}.calls`);
      return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
    },
    boot: (...args) =>
      new Promise((resolve, reject) => {
        const env = { PATH: `${bin}${delimiter}${given.path}` };
        const child = spawn('sh', [script, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
        running.add(child);
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => (output += chunk));
        child.stderr.on('data', (chunk: Buffer) => (output += chunk));
        child.once('error', reject);
        child.once('close', (code) => {
          running.delete(child);
          resolve({ code, output });
        });
      }),
    writeRunner: (program) => {
      mkdirSync(runnerFolder, { recursive: true });
      writeProgram(join(runnerFolder, 'run.sh'), program);
    },
    writeJournal: (text) => writeFileSync(join(folder, 'journal'), text),
    milestones: () =>
      knocks
        .filter(({ path }) => path === '/runners/milestones')
        .map(({ body }) => (JSON.parse(body) as { milestone: string }).milestone),
    async close() {
      for (const child of running) child.kill('SIGKILL');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writeProgram(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
