# At every boot: asks for a configuration until there is one, runs one job, and ends the machine.

function Get-Metadata([string]$Path) {
  $ttl = @{ 'X-aws-ec2-metadata-token-ttl-seconds' = '60' }
  $token = Invoke-RestMethod -Method Put -Uri "$Imds/api/token" -Headers $ttl -TimeoutSec 5
  return [string](Invoke-RestMethod -Uri "$Imds/$Path" -Headers @{ 'X-aws-ec2-metadata-token' = $token } -TimeoutSec 5)
}

function Get-Tag([string]$Key) { return Get-Metadata "meta-data/tags/instance/$Key" }

# Anew before each claim: a machine that stood by may have another name.
function Get-Proof {
  $identity = (Get-Metadata 'dynamic/instance-identity/rsa2048') -replace '\s', ''
  return @{ runner = Get-Tag 'runners:name'; identity = $identity }
}

# A note for the timeline. It may fail.
function Send-Milestone([string]$Milestone, [string]$Detail = '') {
  try {
    $body = Get-Proof
    $body.milestone = $Milestone
    $body.detail = $Detail
    $url = $ClaimUrl -replace '/claim$', '/milestones'
    Invoke-RestMethod -Method Post -Uri $url -ContentType 'application/json' -Body ($body | ConvertTo-Json) -TimeoutSec 5 | Out-Null
  } catch { Write-Output "a note was not taken: $Milestone" }
}

# Held by the system itself, so that it outlives this script. Armed again, it begins again. What is written to the error
# stream is dropped by cmd: PowerShell 5.1 takes a line on it, redirected, for an error that ends the script.
function Set-Lifetime {
  cmd.exe /c 'shutdown.exe /a 2>nul'
  shutdown.exe /s /f /t ([Math]::Min([int](Get-Tag 'runners:lifetime'), 315360000))
}

# 200 brings the configuration; 410 says that it is not wanted any more; everything else may change.
function Get-Configuration {
  $refusals = 0; $waits = 0
  while ($true) {
    $status = 0; $wait = 0
    try {
      $body = Get-Proof | ConvertTo-Json
      $answer = Invoke-WebRequest -UseBasicParsing -Method Post -Uri $ClaimUrl -ContentType 'application/json' -Body $body -TimeoutSec 30
      $status = [int]$answer.StatusCode
      $wait = [int]$answer.Headers['Retry-After']
      # The job has all of the machine's longest life; who is told to wait is wanted, and lives on.
      if ($status -eq 200 -or ($waits++ % $RearmWaits) -eq 0) { Set-Lifetime | Out-Null }
      if ($status -eq 200) { return ($answer.Content | ConvertFrom-Json) }
    } catch {
      $response = $_.Exception.Response
      if ($response) { $status = [int]$response.StatusCode; $wait = [int]$response.Headers['Retry-After'] }
    }
    if ($status -eq 410) { return $null }
    if ($status -ge 400 -and $status -lt 500 -and $status -ne 429) {
      $refusals += 1
      if ($refusals -ge $RefusalsMax) { return $null }
    }
    if ($wait -lt 1) { $wait = $PauseSecondsDefault }
    Start-Sleep -Seconds ([Math]::Min($wait, $PauseSecondsMax))
  }
}

# A runner in an image is taken as it is; else GitHub's own is installed, which takes a while.
function Install-Runner {
  if (Test-Path "$RunnerFolder\run.cmd") { return }
  $version = $RunnerVersion
  if (-not $version) {
    $request = [System.Net.WebRequest]::Create("$RunnerReleases/latest")
    $request.AllowAutoRedirect = $false
    $version = ($request.GetResponse().Headers['Location'] -split '/v')[-1]
  }
  $archive = Join-Path $env:TEMP 'runner.zip'
  Invoke-WebRequest -UseBasicParsing -OutFile $archive -Uri "$RunnerReleases/download/v$version/actions-runner-win-$Architecture-$version.zip"
  if ($RunnerSha256 -and (Get-FileHash $archive -Algorithm SHA256).Hash -ne $RunnerSha256) { throw 'the runner that was downloaded has another checksum' }
  Expand-Archive -Path $archive -DestinationPath $RunnerFolder -Force
  Remove-Item $archive
}

try {
  $ErrorActionPreference = 'Stop'
  $ProgressPreference = 'SilentlyContinue'
  [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
  $ClaimUrl = Get-Tag 'runners:claim'
  Set-Lifetime
  Send-Milestone 'booted'
  Install-Runner
  $configuration = Get-Configuration
  if ($configuration) {
    # By the environment, which the runner clears, and never by the arguments.
    $env:ACTIONS_RUNNER_INPUT_JITCONFIG = $configuration.jitConfig
    $env:TRACEPARENT = $configuration.traceparent
    Set-Location $RunnerFolder
    cmd.exe /c '.\run.cmd 2>&1' | ForEach-Object {
      Write-Output $_
      if ($LogsGroup) { Add-LogLine "$_" }
      if ("$_" -match "Current runner version: '([\d.]+)'") { $running = "runner $($Matches[1])" }
      if ("$_" -like '*Listening for Jobs*') { Send-Milestone 'registered' "$running" }
      if ("$_" -like '*Running job:*') { Send-Milestone 'jobStarted' }
    }
    Send-Milestone 'jobEnded'
  }
} finally {
  if ($LogsGroup) { Send-LastLog }
  cmd.exe /c 'shutdown.exe /a 2>nul'
  shutdown.exe /s /f /t 0
}
