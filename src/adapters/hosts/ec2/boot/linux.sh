runner_platform="linux-$architecture"

install_service() {
  install_script
  cat >"$units/ephemeral-runner.service" <<UNIT
[Unit]
Description=One job of GitHub Actions, then the end of this machine
After=network-online.target
Wants=network-online.target
[Service]
ExecStart=$library/boot.sh run
StandardOutput=journal+console
KillMode=mixed
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --now --no-block ephemeral-runner.service
}

# Held by the system's own timers, so that it outlives this script. Armed again, it begins again.
arm_lifetime() {
  systemctl stop ephemeral-runner-lifetime.timer 2>/dev/null || true
  systemd-run --quiet --collect --unit=ephemeral-runner-lifetime --on-active="${lifetime}s" shutdown -P now ||
    shutdown -P "+$(((lifetime + 59) / 60))"
}

# A machine of Linux works for one runner.
begin_machine() {
  :
}

begin_turn() {
  :
}

begin_job() {
  :
}

end_turn() {
  return 1
}

make_user() {
  id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
  if getent group docker >/dev/null; then usermod --append --groups docker "$user"; fi
}

as_user() {
  HOME=$(getent passwd "$user" | cut -d : -f 6)
  USER=$user LOGNAME=$user
  export HOME USER LOGNAME
  if [ "$(id -un)" = "$user" ]; then "$@"; else runuser --user "$user" -- "$@"; fi
}

console_begin() {
  :
}

# The journal's lines so far, as a file: it keeps them itself in a form of its own.
console_file() {
  journalctl --quiet --boot --unit ephemeral-runner.service --output cat --no-pager \
    --cursor-file "$private/cursor" >>"$private/console" 2>/dev/null || true
  echo "$private/console"
}

checksum() {
  sha256sum "$1" | cut -d ' ' -f 1
}

install_dependencies() {
  "$runner_folder/bin/installdependencies.sh" >/dev/null
}

power_off() {
  shutdown -P now
}
