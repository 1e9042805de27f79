// Says what to do when the Node on the PATH is too old to run TypeScript sources.
// Plain syntax on purpose: it must run, and speak, under the very Node that it refuses.
const wantedMajor = 24;
const foundMajor = Number(process.versions.node.split('.')[0]);

if (foundMajor < wantedMajor) {
  console.error(`Node ${wantedMajor} or newer is needed, and this is Node ${process.versions.node}
  found: ${process.execPath} (${process.platform} ${process.arch})
  on Linux (x64, arm64) Node ${wantedMajor} comes with the packages: delete node_modules and run make again,
    and see that npm does not leave out optional dependencies
  elsewhere install Node ${wantedMajor} yourself, from https://nodejs.org or with \`nvm install\` (it reads .nvmrc),
    and put it first on the PATH`);
  process.exit(1);
}
