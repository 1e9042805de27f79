runner_platform="osx-$architecture"

install_service() {
  install_script
  cat >"$units/ephemeral-runner.plist" <<PLIST
<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>Label</key><string>ephemeral-runner</string>
<key>ProgramArguments</key><array><string>$library/boot.sh</string><string>run</string></array>
<key>RunAtLoad</key><true/>
<key>StandardOutPath</key><string>$console_log</string>
<key>StandardErrorPath</key><string>$console_log</string>
</dict></plist>
PLIST
  chmod 644 "$units/ephemeral-runner.plist"
  launchctl bootstrap system "$units/ephemeral-runner.plist"
}

# The system keeps the time of a shutdown itself, in whole minutes. Armed again, it begins again.
arm_lifetime() {
  killall shutdown 2>/dev/null || true
  shutdown -h "+$(((lifetime + 59) / 60))" >/dev/null 2>&1 &
}

# The user of EC2's images: whoever else is made needs a password and a key chain.
make_user() {
  id "$user" >/dev/null
}

as_user() {
  sudo -H -u "$user" \
    --preserve-env=ACTIONS_RUNNER_INPUT_JITCONFIG,ACTIONS_RUNNER_HOOK_JOB_STARTED,TRACEPARENT -- "$@"
}

# What a former runner has said on this machine was sent under its name.
console_begin() {
  : >"$(console_file)"
}

console_file() {
  echo "$console_log"
}

checksum() {
  shasum -a 256 "$1" | cut -d ' ' -f 1
}

install_dependencies() {
  :
}

power_off() {
  killall shutdown 2>/dev/null || true
  shutdown -h now
}
