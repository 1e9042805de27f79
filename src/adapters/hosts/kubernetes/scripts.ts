// What runs in a pod. They are texts in here, and not files beside, since a function on AWS is one file. Nothing in
// them is secret, nor about a single runner: that is in the pod's environment and its volumes.
//
//   claim   the init container: the configuration, by claim or from the Secret, into a volume in memory
//   run     the runner's container: takes it out of there, so that no job finds it, and becomes the runner
//
// Where a Job has two pods ("the same program may sometimes be started twice" [Kubernetes: Jobs]), both have its token.
// So each makes a key of its own, which it claims with: the one that is first has the claim, may repeat it if an answer
// was lost, and the other is refused from the start. Without it the other's claim would look like such a repetition, and
// take the registration away from the first.
//
// A pod whose claim is refused for good does not end. Its end would end its Job, and with it the other pod of the Job.
// It waits, and goes with the first. A pod that is alone and not wanted is ended by the system, which refused it.

export const paths = {
  linux: {
    secret: '/run/runner-secret',
    memory: '/run/runner',
    hooks: '/run/runner/hooks.js',
    directory: '/home/runner',
  },
  windows: { secret: 'C:\\runner-secret', memory: 'C:\\runner-claim', directory: 'C:\\actions-runner' },
} as const;

/** Of a claim: GitHub's answer takes seconds at most. */
const claimSecondsMax = 30;
const noteSecondsMax = 5;
/** Between two claims, where the answer does not say; and at most, whatever it says. */
const pauseSecondsDefault = 5;
const pauseSecondsMax = 300;

const { secret, memory, hooks } = paths.linux;

/** The token goes by standard input: nothing secret is to be seen in a list of processes. */
export const claimScript = `set -u
umask 077
waiting=
trap '[ -z "$waiting" ] || kill "$waiting"; exit 143' TERM
keep() { mv ${memory}/.new ${memory}/jitconfig; }
pause() { sleep "$1" >/dev/null 2>&1 & waiting=$! && wait "$waiting"; }
if [ -z "\${CLAIM_URL-}" ]; then
  cat ${secret}/jitconfig >${memory}/.new && keep
  exit
fi
post() {
  curl --silent --max-time "$1" --header 'content-type: application/json' --data-binary @- \\
    --output "$2" --dump-header "$3" --write-out '%{http_code}' "$4"
}
key=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
proof() { printf '"runner":"%s","token":"%s"' "$RUNNER_NAME" "$(cat ${secret}/token)"; }
printf '{%s,"milestone":"booted"}' "$(proof)" |
  post ${noteSecondsMax} /dev/null /dev/null "\${CLAIM_URL%/claim}/milestones" >/dev/null 2>&1 &
while :; do
  rm -f ${memory}/.headers
  status=$(printf '{%s,"key":"%s"}' "$(proof)" "$key" |
    post ${claimSecondsMax} ${memory}/.answer ${memory}/.headers "$CLAIM_URL") || status=000
  case "$status" in
    200)
      sed -n 's/.*"jitConfig":"\\([A-Za-z0-9+/=_-]*\\)".*/\\1/p' ${memory}/.answer >${memory}/.new
      rm -f ${memory}/.answer ${memory}/.headers
      [ -s ${memory}/.new ] && keep && exit 0
      ;;
    401 | 410)
      echo "the claim was refused ($status): this pod is not wanted, and waits for its end" >&2
      while :; do pause 3600; done
      ;;
  esac
  seconds=$(sed -n 's/^[Rr]etry-[Aa]fter: *\\([0-9]\\{1,4\\}\\).*/\\1/p' ${memory}/.headers 2>/dev/null | tail -n 1)
  [ "\${seconds:-0}" -ge 1 ] || seconds=${pauseSecondsDefault}
  [ "$seconds" -le ${pauseSecondsMax} ] || seconds=${pauseSecondsMax}
  pause "$seconds"
done
`;

/** By the environment, which the runner clears, and never by the arguments. */
export const runScript = `set -eu
ACTIONS_RUNNER_INPUT_JITCONFIG=$(cat ${memory}/jitconfig)
export ACTIONS_RUNNER_INPUT_JITCONFIG
rm -f ${memory}/jitconfig
if [ -n "\${RUNNER_HOOKS_PROGRAM-}" ]; then
  printf '%s' "$RUNNER_HOOKS_PROGRAM" >${hooks}
  unset RUNNER_HOOKS_PROGRAM
fi
cd "$RUNNER_DIRECTORY"
exec ./run.sh
`;

const windows = paths.windows;

export const windowsClaimScript = `$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
if (-not $env:CLAIM_URL) {
  Copy-Item ${windows.secret}\\jitconfig ${windows.memory}\\jitconfig
  exit 0
}
$token = (Get-Content -Raw ${windows.secret}\\token).Trim()
$body = @{ runner = $env:RUNNER_NAME; token = $token }
$bytes = New-Object byte[] 32
([Security.Cryptography.RandomNumberGenerator]::Create()).GetBytes($bytes)
$key = [Convert]::ToBase64String($bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_')
function Send($url, $what, $seconds) {
  Invoke-WebRequest -UseBasicParsing -Method Post -Uri $url -TimeoutSec $seconds -ContentType 'application/json' \`
    -Body (ConvertTo-Json -Compress $what)
}
try {
  $null = Send ($env:CLAIM_URL -replace '/claim$', '/milestones') ($body + @{ milestone = 'booted' }) ${noteSecondsMax}
} catch { }
while ($true) {
  $seconds = ${pauseSecondsDefault}
  $status = 0
  try {
    $answer = Send $env:CLAIM_URL ($body + @{ key = $key }) ${claimSecondsMax}
    $status = [int]$answer.StatusCode
    $headers = $answer.Headers
    if ($status -eq 200) {
      $configuration = (ConvertFrom-Json ([Text.Encoding]::UTF8.GetString($answer.RawContentStream.ToArray()))).jitConfig
      if ($configuration -match '^[A-Za-z0-9+/=_-]+$') {
        [IO.File]::WriteAllText('${windows.memory}\\jitconfig', $configuration)
        exit 0
      }
    }
  } catch {
    $response = $_.Exception.Response
    if ($response) { $status = [int]$response.StatusCode; $headers = $response.Headers } else { $headers = @{} }
  }
  if ($status -eq 401 -or $status -eq 410) {
    Write-Output "the claim was refused ($status): this pod is not wanted, and waits for its end"
    while ($true) { Start-Sleep -Seconds 3600 }
  }
  $after = 0
  if ([int]::TryParse([string]$headers['Retry-After'], [ref]$after) -and $after -ge 1) { $seconds = $after }
  Start-Sleep -Seconds ([Math]::Min($seconds, ${pauseSecondsMax}))
}
`;

export const windowsRunScript = `$ErrorActionPreference = 'Stop'
$env:ACTIONS_RUNNER_INPUT_JITCONFIG = (Get-Content -Raw ${windows.memory}\\jitconfig).Trim()
Remove-Item ${windows.memory}\\jitconfig
Set-Location $env:RUNNER_DIRECTORY
& .\\run.cmd
exit $LASTEXITCODE
`;
