# On a machine that has booted from the image: what a job stands on is there, and works.

$ErrorActionPreference = 'Stop'
foreach ($program in 'git', 'pwsh', '7z', 'docker') { Get-Command $program | Out-Null }
docker.exe info
if ($LASTEXITCODE -ne 0) { throw 'Docker does not answer' }
& "$RunnerFolder\bin\Runner.Listener.exe" --version
if ($LASTEXITCODE -ne 0) { throw 'the runner does not start' }
