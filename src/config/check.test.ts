import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfiguration } from './check.ts';
import { describeProblem, describeWarning } from './problem.ts';

const lint = {
  host: 'office',
  os: 'linux',
  labels: ['self-hosted', 'lint'],
  limit: 4,
  command: ['./run.sh'],
};
const build = { ...lint, labels: ['self-hosted', 'build'] };
const office = { type: 'local', limit: 8 };
const lab = { type: 'simulated', limit: 8 };
const valid = { allow: { owners: ['acme'] }, hosts: { office }, pools: { lint } };

function accepted(written: unknown) {
  const checked = checkConfiguration(written);
  assert.equal(checked.outcome, 'accepted', JSON.stringify(checked, null, 2));
  assert.ok(checked.outcome === 'accepted');
  return checked;
}

function problemsOf(written: unknown): string[] {
  const checked = checkConfiguration(written);
  return checked.outcome === 'refused' ? checked.problems.map(describeProblem) : [];
}

function warningsOf(written: unknown): string[] {
  return accepted(written).warnings.map(describeWarning);
}

/** The problems of one pool of an otherwise valid configuration. */
function problemsOfPool(pool: object): string[] {
  return problemsOf({ ...valid, pools: { lint: { ...lint, ...pool } } });
}

test('the form of the requirements is accepted: a command directly on the pool', () => {
  const { configuration, warnings } = accepted(valid);
  assert.deepEqual(warnings, []);
  assert.deepEqual(configuration.pools[0]?.machine, {
    command: ['./run.sh'],
    environment: {},
    logBytesMax: 16 * 1024 * 1024,
  });
});

test('a misspelt key is refused with the one that was meant', () => {
  assert.deepEqual(problemsOfPool({ lables: ['x'] }), [
    [
      'pools.lint.lables: there is no such key',
      '  allowed: host, os, labels, limit, spares, spareSchedule, weight, priority, register, group, repositories, publicRepositories, overlap, rerunInterrupted, jobMinutesMax, idleSeconds, bootSeconds, machine, command',
      '  to do:   did you mean labels?',
    ].join('\n'),
  ]);
});

test('what a machine says of its names is told in its words, and the value of a variable not at all', () => {
  const environment = { HOME: 'a password', 'A B': 'a password' };
  const problems = problemsOfPool({
    command: undefined,
    machine: { command: ['x'], user: '-u root', environment },
  });
  assert.deepEqual(
    problems.map((problem) => problem.split('\n').slice(0, 2).join('')),
    [
      "pools.lint.machine.environment.HOME: the name 'HOME' is not allowed  allowed: HOME is set by the host itself: take another name",
      "pools.lint.machine.environment['A B']: the name 'A B' is not allowed  allowed: a variable has letters, digits and _, and no digit first",
      "pools.lint.machine.user: '-u root' is not allowed  allowed: a name as `id -u` takes it, such as `runner`",
    ],
  );
  assert.ok(problems.every((problem) => !problem.includes('password')));
});

test('a misspelt key is refused in every place', () => {
  const places = problemsOf({
    allow: { owners: ['acme'], owner: ['acme'] },
    hosts: { office: { ...office, limits: 3, options: { endGraceMS: 1 } } },
    pools: { lint: { ...lint, command: undefined, machine: { command: ['x'], directry: '/x' } } },
    timing: { idle: 5 },
    github: { mintPerMinutes: 5 },
    pool: {},
  }).map((problem) => problem.replace(/\n.*\n.*to do: +/, ' ').replace(': there is no such key', ':'));
  assert.deepEqual(places, [
    'allow.owner: did you mean owners?',
    'github.mintPerMinutes: did you mean mintsPerMinute?',
    'hosts.office.limits: did you mean limit?',
    'hosts.office.options.endGraceMS: did you mean endGraceMs?',
    'pool: did you mean pools?',
    'pools.lint.machine.directry: did you mean directory?',
    'timing.idle: did you mean idleSeconds?',
  ]);
});

test('an unknown host is refused with the hosts that there are', () => {
  assert.deepEqual(problemsOfPool({ host: 'ofice' }), [
    "pools.lint.host: 'ofice' is not the name of a host\n  allowed: 'office'\n  to do:   did you mean 'office'?",
  ]);
  const hosts = { office, lab };
  assert.deepEqual(problemsOf({ ...valid, hosts, pools: { lint: { ...lint, host: 'cloud' } } }), [
    "pools.lint.host: 'cloud' is not the name of a host\n  allowed: 'office' or 'lab'\n  to do:   take 'office' or 'lab', or add 'cloud' to hosts",
  ]);
});

test('an unknown type of host is refused with the types that there are', () => {
  assert.deepEqual(problemsOf({ ...valid, hosts: { office: { type: 'locl', limit: 8 } } }), [
    "hosts.office.type: 'locl' is not a type of host\n  allowed: 'local', 'ec2', 'kubernetes', 'lambda', 'microvm' or 'simulated'\n  to do:   did you mean 'local'?",
  ]);
});

test('no name of a type or host is taken from what objects inherit', () => {
  const problems = problemsOf({
    hosts: { office, x: { type: 'toString', limit: 1 } },
    pools: { lint: { ...lint, host: 'constructor' } },
  });
  assert.deepEqual(
    problems.map((problem) => problem.split('\n')[0]),
    [
      "hosts.x.type: 'toString' is not a type of host",
      "pools.lint.host: 'constructor' is not the name of a host",
    ],
  );
});

test('a limit of -1 is refused with the place, the value and what is allowed', () => {
  assert.deepEqual(problemsOfPool({ limit: -1 }), [
    [
      'pools.lint.limit: -1 is not allowed',
      '  allowed: a whole number from 0 to 10000',
      '  to do:   write the most machines that you want to run, and pay for, at once; there is no value for "unlimited"',
    ].join('\n'),
  ]);
  for (const limit of [1.5, 10_001, Number.NaN, Number.POSITIVE_INFINITY, '4', null]) {
    assert.equal(problemsOfPool({ limit }).length, 1, String(limit));
  }
});

test('a limit of 0 pauses a pool, with a warning', () => {
  assert.deepEqual(warningsOf({ ...valid, pools: { lint: { ...lint, limit: 0 } } }), [
    'pools.lint.limit: 0 launches nothing: its jobs wait\n  to do:   raise it to go on',
  ]);
});

test('a limit above that of the host is a warning', () => {
  assert.deepEqual(warningsOf({ ...valid, pools: { lint: { ...lint, limit: 9 } } }), [
    'pools.lint.limit: 9 can not be reached, as the limit of host office is 8\n  to do:   lower it, or raise the limit of the host',
  ]);
});

test('all problems are found at once, even where one key hides behind another', () => {
  const places = problemsOf({
    hosts: { 'my-office': { type: 'locl', limit: -1 }, office },
    pools: { lint: { ...lint, limit: '4', host: 'ofice', labels: ['a', 'A'] }, Build_1: {}, 7: { ...lint } },
    timing: { holdSeconds: 600, claimSeconds: 3 },
  }).map((problem) => problem.split(':')[0]);
  assert.deepEqual(places, [
    'hosts.my-office',
    'hosts.my-office.limit',
    'hosts.my-office.type',
    'pools.Build_1',
    'pools.Build_1.host',
    'pools.Build_1.labels',
    'pools.Build_1.limit',
    'pools.Build_1.os',
    'pools.lint.host',
    'pools.lint.labels[1]',
    'pools.lint.limit',
    "pools['7']",
    'timing.claimSeconds',
    'timing.holdSeconds',
  ]);
});

test('what is missing is named with an example', () => {
  assert.deepEqual(problemsOf({}), [
    "hosts: it is missing\n  allowed: an object with 1 to 20 hosts by name, such as { office: { type: 'local', limit: 8 } }\n  to do:   add it, for example hosts: { office: { type: 'local', limit: 8 } }",
    "pools: it is missing\n  allowed: an object with 1 to 100 pools by name, such as { lint: { host: 'office', … } }\n  to do:   add it, for example pools: { lint: { host: 'office', os: 'linux', labels: ['self-hosted', 'lint'], limit: 4 } }",
  ]);
  assert.equal(problemsOf({ hosts: {}, pools: {} }).length, 2);
});

test('a value of the wrong kind tells how to write it', () => {
  const remedyOf = (pool: object) => problemsOfPool(pool)[0]?.split('to do:   ')[1];
  assert.equal(remedyOf({ spares: '3' }), 'write it without quotes');
  assert.equal(remedyOf({ labels: 'lint' }), "write a list: ['lint']");
  assert.equal(remedyOf({ overlap: 'yes' }), 'write true or false without quotes');
  assert.equal(remedyOf({ register: 'organization' }), "did you mean 'organisation'?");
  assert.equal(remedyOf({ os: 'Ubuntu' }), "did you mean 'linux'?");
  assert.equal(remedyOf({ os: 'solaris' }), "take 'linux', 'windows' or 'macos'");
});

test('values in errors are short and printable', () => {
  const [problem = ''] = problemsOfPool({ os: `\u001b[31m${'x'.repeat(10_000)}\u202e` });
  assert.match(problem, /^pools\.lint\.os: ' \[31mx{40,60}…' is not allowed\n/);
});

test('names that can not be used are refused with one that can', () => {
  const name = (written: object) => problemsOf({ ...valid, ...written })[0];
  assert.equal(
    name({ hosts: { 'Mac-Mini': office, office } }),
    "hosts.Mac-Mini: 'Mac-Mini' can not be the name of a host, as it would not fit into the names of its runners\n  allowed: 1 to 10 letters a to z and digits, without a hyphen\n  to do:   rename it, for example to 'macmini'",
  );
  assert.equal(
    name({ pools: { 'iOS Build': lint } }),
    "pools['iOS Build']: 'iOS Build' can not be the name of a pool\n  allowed: 1 to 40 letters a to z, digits and hyphens, without a hyphen at its ends\n  to do:   rename it, for example to 'ios-build'",
  );
  assert.equal(
    name({ pools: { lint, 10: build } }),
    "pools['10']: '10' can not be the name of a pool: JavaScript puts such keys first, and the order of pools counts\n  allowed: a name with a letter in it\n  to do:   rename it, for example to 'pool-10'",
  );
  const inherited = JSON.parse('{"__proto__":{"host":"office"}}');
  assert.match(name({ pools: { lint, ...inherited } }) ?? '', /^$|^pools/);
  assert.notDeepEqual(problemsOf({ ...valid, pools: inherited }), []);
});

test('labels are bounded as GitHub bounds them', () => {
  for (const label of ['', ' a', 'a ', 'a,b', 'a\nb', 'x'.repeat(257)]) {
    assert.equal(problemsOfPool({ labels: ['self-hosted', label] }).length, 1, JSON.stringify(label));
  }
  for (const label of ['a', 'a b', 'Ünï', 'x'.repeat(256), 'codebuild-1:2/3']) {
    assert.deepEqual(problemsOfPool({ labels: [label] }), [], label);
  }
  assert.equal(problemsOfPool({ labels: [] }).length, 1);
  assert.equal(problemsOfPool({ labels: Array.from({ length: 101 }, (_, i) => `l${i}`) }).length, 1);
  assert.deepEqual(problemsOfPool({ labels: ['lint', 'LINT'] }), [
    "pools.lint.labels[1]: 'LINT' is listed twice; GitHub compares labels without case\n  allowed: each label once\n  to do:   take one of the two out",
  ]);
});

test('a pool whose labels contain those of another is refused unless both mean it', () => {
  const big = { ...lint, labels: ['self-hosted', 'lint', 'gpu'] };
  const withOverlap = (ofLint: boolean, ofBig: boolean) => ({
    ...valid,
    pools: { lint: { ...lint, overlap: ofLint }, big: { ...big, overlap: ofBig } },
  });
  assert.deepEqual(problemsOf(withOverlap(false, false)), [
    [
      'pools.big.labels: they contain all labels of lint, so GitHub may give the jobs of lint to the runners of big',
      '  allowed: labels of which neither pool has all of the other, or overlap: true on both',
      '  to do:   give lint a label that big has not, and its jobs too; if it is meant, set overlap: true on both',
    ].join('\n'),
  ]);
  assert.match(problemsOf(withOverlap(false, true))[0] ?? '', /set overlap: true on lint too$/);
  assert.deepEqual(warningsOf(withOverlap(true, true)), []);
});

test('a pool that can never get a job is refused, whatever it says of overlap', () => {
  const pools = { lint: { ...lint, overlap: true }, again: { ...lint, labels: ['LINT'], overlap: true } };
  assert.deepEqual(problemsOf({ ...valid, pools }), [
    [
      'pools.again.labels: it never gets a job: whatever fits it belongs to lint, which comes first',
      '  allowed: labels or repositories of which the pools before it have not all',
      '  to do:   put again before lint, give it a label of its own, or take it out',
    ].join('\n'),
  ]);
});

test('labels in common are one warning, and none where self-hosted is all', () => {
  assert.deepEqual(warningsOf({ ...valid, pools: { lint, build } }), []);
  const x64 = (name: string) => ({ ...lint, labels: ['self-hosted', 'x64', name] });
  const pools = { a: x64('a'), b: x64('b'), c: x64('c') };
  assert.deepEqual(warningsOf({ ...valid, pools }), [
    "pools.a.labels: a job that asks only for 'self-hosted' and 'x64' belongs to a, but may be given a runner of any of a, b, c\n  to do:   let each job ask for a label that only its pool has; if it is meant, set overlap: true on these pools",
  ]);
  const meant = { a: { ...pools.a, overlap: true }, b: { ...pools.b, overlap: true } };
  assert.deepEqual(warningsOf({ ...valid, pools: meant }), []);
});

test('pools of different owners may have the same labels', () => {
  const pools = {
    a: { ...lint, repositories: ['acme/*'] },
    b: { ...lint, repositories: ['other/*'] },
  };
  assert.deepEqual(problemsOf({ ...valid, allow: { owners: ['acme', 'other'] }, pools }), []);
});

test('a pattern whose owner is not allowed matches nothing and is refused', () => {
  assert.deepEqual(problemsOfPool({ repositories: ['acme/app', 'acmee/*'] }), [
    "pools.lint.repositories[1]: 'acmee/*' matches nothing, as 'acmee' is not in allow.owners\n  allowed: repositories of 'acme'\n  to do:   did you mean 'acme'?",
  ]);
  for (const pattern of ['acme', 'acme/', '/app', 'acme/app/x', 'acme/ap p', 'https://x/y']) {
    assert.equal(problemsOfPool({ repositories: [pattern] }).length, 1, pattern);
  }
  assert.deepEqual(problemsOfPool({ repositories: ['Acme/App-*', '*/x', 'acme/.github'] }), []);
});

test('narrow patterns warn that GitHub does not keep to them', () => {
  const narrow = (more: object) =>
    warningsOf({ ...valid, pools: { lint: { ...lint, repositories: ['acme/app-*'], ...more } } });
  assert.deepEqual(narrow({}), [
    "pools.lint.repositories: a runner started for 'acme/app-*' may be given a job of any repository of its organisation that asks for its labels\n  to do:   set register: 'repository', or name a runner group that admits only these repositories",
  ]);
  assert.deepEqual(narrow({ register: 'repository' }), []);
  assert.deepEqual(narrow({ group: 'apps' }), []);
  assert.deepEqual(narrow({ repositories: ['acme/*'] }), []);
});

test('an owner is a name alone', () => {
  assert.deepEqual(problemsOf({ ...valid, allow: { owners: ['acme/app'] } }), [
    "allow.owners[0]: 'acme/app' is not allowed\n  allowed: the name of an organisation or user, such as 'acme'\n  to do:   write the owner alone, as in the address of its page; a pool's `repositories` chooses among its repositories",
  ]);
  assert.equal(problemsOf({ ...valid, allow: { owners: [] } }).length, 1);
});

test('spares of a schedule need the same as those of every day', () => {
  const scheduled = (spares: number) => ({ spareSchedule: [{ cron: '0 8 * * 1-5', spares }] });
  assert.deepEqual(problemsOfPool(scheduled(2)), [
    'pools.lint.spareSchedule[0].spares: 2 is not allowed, as machines of office (type local) can not stand by\n  allowed: 0\n  to do:   take it out, or take a host of a type whose machines can',
  ]);
  const onLab = (spares: number, limitOfHost = lab.limit) => ({
    ...valid,
    hosts: { lab: { ...lab, limit: limitOfHost } },
    pools: { lint: { ...lint, command: undefined, host: 'lab', ...scheduled(spares) } },
  });
  assert.deepEqual(problemsOf(onLab(5)), [
    "pools.lint.spareSchedule[0].spares: 5 is more than the pool's limit, 4\n  allowed: a whole number from 0 to 4\n  to do:   lower spares or raise limit",
  ]);
  assert.deepEqual(problemsOf(onLab(4)), []);
  const both = { ...onLab(4), pools: { lint: { ...onLab(4).pools.lint, spares: 1 } } };
  assert.deepEqual(warningsOf(both), [
    'pools.lint.spares: 1 never counts, as some moment of spareSchedule has always passed\n  to do:   take it out; where there are to be 1 from a time on, write that moment into spareSchedule',
  ]);
  assert.deepEqual(warningsOf(onLab(4)), []);
  assert.ok(warningsOf(onLab(4, 3)).some((warning) => warning.includes('no room for the 4 spares')));
});

test('spares need a host whose machines can stand by, and fit into the limit', () => {
  assert.deepEqual(problemsOfPool({ spares: 2 }), [
    'pools.lint.spares: 2 is not allowed, as machines of office (type local) can not stand by\n  allowed: 0\n  to do:   take it out, or take a host of a type whose machines can',
  ]);
  const onLab = (spares: number) => ({
    ...valid,
    hosts: { lab },
    pools: { lint: { ...lint, command: undefined, host: 'lab', spares } },
  });
  assert.deepEqual(problemsOf(onLab(5)), [
    "pools.lint.spares: 5 is more than the pool's limit, 4\n  allowed: a whole number from 0 to 4\n  to do:   lower spares or raise limit",
  ]);
  assert.deepEqual(warningsOf(onLab(4)), []);
});

test('a pool runs an operating system that its host has', () => {
  assert.deepEqual(problemsOfPool({ os: 'windows' }), [
    "pools.lint.os: 'windows' does not run on office, which is a host of type local\n  allowed: 'linux' or 'macos'\n  to do:   take a host of another type for this pool",
  ]);
  assert.deepEqual(problemsOf({ ...valid, pools: { lint, ios: { ...build, os: 'macos' } } }), [
    "pools.ios.os: 'macos' and 'linux' (pool lint) can not both run on office, which is one machine\n  allowed: the same operating system for all pools of such a host\n  to do:   give both the machine's own",
  ]);
});

test('a runner group needs runners of the organisation', () => {
  assert.deepEqual(problemsOfPool({ register: 'repository', group: 'apps' }), [
    "pools.lint.group: 'apps' is not allowed with register: 'repository', as only organisations have runner groups\n  allowed: 'default'\n  to do:   take group out, or set register: 'organisation'",
  ]);
});

test("options and machine are checked by the host's type, at the place where they were written", () => {
  assert.deepEqual(problemsOfPool({ command: [] }), [
    'pools.lint.command: [] is not allowed\n  allowed: a list of 1 to 100 entries\n  to do:   see docs/reference/configuration.md',
  ]);
  assert.deepEqual(problemsOfPool({ machine: { command: ['a'] } }), [
    'pools.lint.command: it is short for machine.command, which is given too\n  allowed: one of the two\n  to do:   take one of them out',
  ]);
  assert.deepEqual(problemsOf({ ...valid, hosts: { lab }, pools: { lint: { ...lint, host: 'lab' } } }), [
    'pools.lint.command: there is no such key\n  allowed: bootMs, standby, reuseMs\n  to do:   take it out; all keys are in docs/reference/configuration.md',
  ]);
  const options = { logFilesMax: 0 };
  assert.deepEqual(problemsOf({ ...valid, hosts: { office: { ...office, options } } }), [
    'hosts.office.options.logFilesMax: 0 is not allowed\n  allowed: a whole number from 1 to 100000\n  to do:   take at least 1',
  ]);
});

test('only data is accepted', () => {
  const notData = (value: unknown) =>
    problemsOf({ ...valid, timing: { idleSeconds: value } })[0]?.split('\n')[0];
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  assert.equal(
    notData(() => 3),
    'timing.idleSeconds: a function is not data',
  );
  assert.equal(notData(new Date(0)), 'timing.idleSeconds: a Date is not data');
  assert.equal(notData(Symbol('x')), 'timing.idleSeconds: a symbol is not data');
  assert.equal(notData(3n), 'timing.idleSeconds: 3 is not data');
  const inCycle = problemsOfPool({ machine: { environment: cycle } });
  assert.match(
    inCycle.join('\n'),
    /^pools\.lint\.machine\.environment\.self: it contains itself, or nests too deep$/m,
  );
  const deep = JSON.parse(`${'{"a":'.repeat(30)}1${'}'.repeat(30)}`);
  assert.match(problemsOfPool({ machine: deep }).join('\n'), /it contains itself, or nests too deep/);
  for (const whole of [undefined, null, 3, 'x', [], () => valid, Promise.resolve(valid)]) {
    assert.notDeepEqual(problemsOf(whole), [], String(whole));
  }
});

test('what looks like a secret is refused and not shown', () => {
  const secrets = [
    '-----BEGIN RSA PRIVATE KEY-----\nMIIE',
    `ghp_${'a1'.repeat(18)}`,
    `github_pat_${'a1'.repeat(20)}`,
    'AKIAABCDEFGHIJKLMNOP',
  ];
  for (const secret of secrets) {
    const machine = { command: ['x'], environment: { KEY: secret } };
    const problems = problemsOfPool({ command: undefined, machine });
    assert.match(problems[0] ?? '', /^pools\.lint\.machine\.environment\.KEY: it looks like a secret/);
    assert.equal(problems.join().includes(secret.slice(-8)), false);
  }
});

test('times that contradict each other are refused with the reason', () => {
  assert.deepEqual(problemsOf({ ...valid, timing: { holdSeconds: 301 } }), [
    'timing.holdSeconds: 301 is more than holdSecondsMax, 300: the first back-off would exceed the longest\n  allowed: a number up to holdSecondsMax\n  to do:   lower holdSeconds or raise holdSecondsMax',
  ]);
  assert.match(
    problemsOf({ ...valid, timing: { leaseSeconds: 30, orderSeconds: 20 } })[0] ?? '',
    /still being launched/,
  );
});

test('bounds that keep a promise are told with their reason', () => {
  assert.match(
    problemsOf({ ...valid, timing: { claimSeconds: 3 } })[0] ?? '',
    /^timing\.claimSeconds: 3 is not allowed\n {2}allowed: a number from 15 to 600\n {2}to do: {3}take at least 15: a runner that has to go is removed at GitHub after this time; sooner /,
  );
  assert.match(
    problemsOf({ ...valid, timing: { leaseSeconds: 1 } })[0] ?? '',
    /take at least 3: a host has to answer two/,
  );
  assert.match(problemsOf({ ...valid, timing: { keepDays: 1 } })[0] ?? '', /would look like a new job$/);
  assert.match(
    problemsOf({ ...valid, timing: { tickSeconds: 61 } })[0] ?? '',
    /take at most 60: faults are to be/,
  );
});

test('times that will disappoint are warnings', () => {
  assert.deepEqual(
    warningsOf({
      ...valid,
      pools: { lint: { ...lint, idleSeconds: 300, bootSeconds: 20 } },
      timing: { leaseSeconds: 5 },
    }).map((warning) => warning.split('\n')[0]),
    [
      'pools.lint.idleSeconds: 300 is longer than GitHub lets a runner idle: it drops them after 120 s or a little more',
      'pools.lint.bootSeconds: a runner of lint that boots in more than 20 s is ended before it can work, and on a host of type local that may well happen',
      'timing.leaseSeconds: 5 is over before a slow answer of GitHub (up to 10 s) and a launch call: while GitHub is slow, no launch succeeds',
    ],
  );
});

test("more registrations than GitHub takes are a warning, and the defaults are within GitHub's limits", () => {
  assert.match(
    warningsOf({ ...valid, github: { mintBurst: 180, mintsPerMinute: 180 } })[0] ?? '',
    /^github\.mintBurst: 180 at once/,
  );
  const { github } = accepted(valid).configuration;
  assert.ok(github.mintBurst >= 100, 'a hundred jobs start at once');
  assert.ok((github.mintBurst + github.mintsPerMinute) * 5 < 900, 'points in the worst minute');
  assert.ok(
    github.mintBurst + 60 * github.mintsPerMinute < 5000 * (1 - github.sweepShare),
    'requests in the worst hour',
  );
});

test('a label of GitHub, and a host without pools, are warnings', () => {
  assert.deepEqual(
    warningsOf({
      ...valid,
      hosts: { office, lab },
      pools: { lint: { ...lint, labels: ['Ubuntu-latest'] } },
    }).map((warning) => warning.split('\n')[0]),
    [
      'hosts.lab: no pool uses it',
      "pools.lint.labels[0]: 'Ubuntu-latest' is a label of GitHub's own runners, which may take each such job while a runner is started here",
    ],
  );
});
