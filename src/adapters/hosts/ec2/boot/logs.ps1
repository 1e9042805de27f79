# By option: what the runner prints goes to CloudWatch Logs every few seconds, and its diagnostics at the end. By AWS's
# own cmdlets, which are in Amazon's images of Windows.

$LogLines = New-Object System.Collections.Generic.List[object]
$LogsSentAt = Get-Date

function Get-LogEvent([string]$Line) {
  $text = if ($Line) { $Line.Substring(0, [Math]::Min($Line.Length, $LogsCharactersMax)) } else { ' ' }
  return @{ Timestamp = (Get-Date).ToUniversalTime(); Message = $text }
}

# What is not taken is lost: nothing here may hold the job up.
function Send-LogEvent([string]$Stream, $Events) {
  try {
    $name = "$(Get-Tag 'runners:name')/$Stream"
    try { New-CWLLogStream -LogGroupName $LogsGroup -LogStreamName $name } catch { Write-Verbose 'it is there already' }
    for ($from = 0; $from -lt $Events.Count; $from += $LogsLinesMax) {
      $last = [Math]::Min($from + $LogsLinesMax, $Events.Count) - 1
      Write-CWLLogEvent -LogGroupName $LogsGroup -LogStreamName $name -LogEvent $Events[$from..$last] -Force | Out-Null
    }
  } catch { Write-Output "logs were not taken: $_" }
}

function Add-LogLine([string]$Line) {
  $LogLines.Add((Get-LogEvent $Line))
  if (((Get-Date) - $script:LogsSentAt).TotalSeconds -lt $LogsSeconds) { return }
  $script:LogsSentAt = Get-Date
  Send-LogEvent 'console' $LogLines.ToArray()
  $LogLines.Clear()
}

function Send-LastLog {
  Send-LogEvent 'console' $LogLines.ToArray()
  $diagnostics = @(Get-Content "$RunnerFolder\_diag\*.log" -ErrorAction SilentlyContinue | ForEach-Object { Get-LogEvent $_ })
  Send-LogEvent 'diag' $diagnostics
}
