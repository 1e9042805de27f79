# Makes a ready machine of a plain Windows Server: GitHub's runner, checked, with git, PowerShell 7, 7-Zip and Docker. Run
# once, by Administrator, on the machine that an image is made of; the feature that Docker needs is there by then.

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12

# GitHub's API takes 60 requests an hour of an address, and may be busy.
function Invoke-Again([scriptblock]$Work) {
  for ($try = 1; $true; $try++) {
    try { return (& $Work) } catch { if ($try -ge $TriesMax) { throw }; Start-Sleep -Seconds (15 * $try) }
  }
}

# A file of the newest release, whose checksum is as GitHub computed it from what was uploaded.
function Get-Asset([string]$Repository, [string]$Pattern) {
  $release = Invoke-Again { Invoke-RestMethod -Uri "$Api/$Repository/releases/latest" }
  $asset = @($release.assets | Where-Object { $_.name -match $Pattern })[0]
  if (-not $asset -or $asset.digest -notlike 'sha256:*') { throw "$Repository has no file like $Pattern with a checksum" }
  $file = Join-Path $env:TEMP $asset.name
  Invoke-Again { Invoke-WebRequest -UseBasicParsing -OutFile $file -Uri $asset.browser_download_url }
  if ("sha256:$((Get-FileHash $file -Algorithm SHA256).Hash)" -ne $asset.digest) { throw "$file has another checksum than $($asset.digest)" }
  return $file
}

function Install-Program([string]$File, [string[]]$Arguments) {
  $done = Start-Process -FilePath $File -ArgumentList $Arguments -Wait -PassThru
  # 3010: done, and a restart is wanted, which comes anyway.
  if ($done.ExitCode -notin 0, 3010) { throw "$File $Arguments ended with $($done.ExitCode)" }
}

function Install-Package([string]$File) { Install-Program 'msiexec.exe' '/i', $File, '/quiet', '/norestart' }

function Add-MachinePath([string]$Folder) {
  $path = [Environment]::GetEnvironmentVariable('Path', 'Machine')
  [Environment]::SetEnvironmentVariable('Path', "$path;$Folder", 'Machine')
}

# Docker publishes no checksums of these: they come by TLS alone.
function Install-Docker {
  $page = Invoke-Again { Invoke-WebRequest -UseBasicParsing -Uri $DockerReleases }
  $newest = $page.Links.href | Where-Object { $_ -match '^docker-[\d.]+\.zip$' } |
    Sort-Object { [version]($_ -replace '^docker-|\.zip$') } | Select-Object -Last 1
  $archive = Join-Path $env:TEMP $newest
  Invoke-Again { Invoke-WebRequest -UseBasicParsing -OutFile $archive -Uri "$DockerReleases/$newest" }
  Expand-Archive -Path $archive -DestinationPath $env:ProgramFiles -Force
  Add-MachinePath "$env:ProgramFiles\docker"
  & "$env:ProgramFiles\docker\dockerd.exe" --register-service
  Set-Service -Name docker -StartupType Automatic
}

Expand-Archive -Path (Get-Asset 'actions/runner' '^actions-runner-win-x64-[\d.]+\.zip$') -DestinationPath $RunnerFolder -Force
Install-Program (Get-Asset 'git-for-windows/git' '^Git-[\d.]+-64-bit\.exe$') '/VERYSILENT', '/NORESTART', '/SP-', '/SUPPRESSMSGBOXES'
Install-Package (Get-Asset 'PowerShell/PowerShell' '^PowerShell-[\d.]+-win-x64\.msi$')
Install-Package (Get-Asset 'ip7z/7zip' '^7z\d+-x64\.msi$')
Add-MachinePath "$env:ProgramFiles\7-Zip"
Install-Docker
Remove-Item "$env:TEMP\*" -Recurse -Force -ErrorAction SilentlyContinue
