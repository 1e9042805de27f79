# With `reuse`, this machine works for one runner after another, each as a user of its own that is no administrator and
# is gone afterwards with all that was its own. What cannot be cleaned is not used again: the machine ends.

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

# What has to outlive this script, of this machine alone: an image that is made of one has the state of another. The key
# is made before the first job, and root alone can read it: a job that shows this machine's document does not have it.
begin_machine() {
  [ -n "$reuse" ] || return 0
  umask 077
  state="$state_folder/$(metadata meta-data/instance-id)"
  mkdir -p "$state"
  chmod 700 "$state_folder" "$state"
  if [ ! -s "$state/key" ]; then
    head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"$state/key.new"
    mv "$state/key.new" "$state/key"
  fi
  umask 022
  key=$(cat "$state/key")
  [ ! -f "$state/had" ] || read -r had tagged_then <"$state/had"
}

# The system keeps the time of a shutdown itself, in whole minutes. Armed again, it begins again: on a machine that is
# reused only until its first job, since the lifetime is that of all of its jobs.
arm_lifetime() {
  seconds=$lifetime
  if [ -n "$reuse" ]; then
    if [ -f "$state/had" ]; then
      [ -z "${is_armed-}" ] || return 0
      seconds=$(($(cat "$state/ends") - $(date +%s)))
      [ "$seconds" -gt 0 ] || seconds=0
      is_armed=yes
    else
      echo $(($(date +%s) + lifetime)) >"$state/ends"
    fi
  fi
  killall shutdown 2>/dev/null || true
  shutdown -h "+$(((seconds + 59) / 60))" >/dev/null 2>&1 &
}

# The user of EC2's images: it may be root, so it works on machines alone that are used once.
make_user() {
  id "$user" >/dev/null
}

# Whatever an earlier job left, also where this machine was restarted under it, then a user for the next one. Each has a
# number that no user had before, so that no file of another is ever its own.
begin_turn() {
  [ -n "$reuse" ] || return 0
  cd /
  : "${runner_of_image:=$runner_folder}"
  jobs=$(cat "$state/jobs" 2>/dev/null || echo 0)
  if [ "$jobs" -gt 0 ] && ! clean "$((first_uid + jobs))"; then
    echo 'what a job has left cannot be cleaned: this machine ends' >&2
    return 1
  fi
  jobs=$((jobs + 1))
  echo "$jobs" >"$state/jobs" || return 1
  make_job_user "$((first_uid + jobs))"
}

# Without a password: nobody logs in as it. It is in no group of the system's. The runner is a copy of its own; where the
# disk can, copies share what neither has changed.
make_job_user() {
  user="job$1"
  home="$homes/$user"
  dscl . -create "/Groups/$user" PrimaryGroupID "$1" &&
    dscl . -create "/Users/$user" UserShell /bin/bash &&
    dscl . -create "/Users/$user" UniqueID "$1" &&
    dscl . -create "/Users/$user" PrimaryGroupID "$1" &&
    dscl . -create "/Users/$user" NFSHomeDirectory "$home" &&
    dscl . -create "/Users/$user" Password '*' &&
    mkdir -m 700 "$home" || return 1
  runner_folder="$home/actions-runner"
  cp -cR "$runner_of_image" "$runner_folder" 2>/dev/null || {
    rm -rf "$runner_folder" && cp -R "$runner_of_image" "$runner_folder"
  } || return 1
  chown -R "$1:$1" "$home" || return 1
  if as_user sudo -n true >/dev/null 2>&1; then
    echo 'on this image every user may be root: it cannot be used for more than one job (reuseHours: 0)' >&2
    return 1
  fi
}

as_user() {
  sudo -H -u "$user" \
    --preserve-env=ACTIONS_RUNNER_INPUT_JITCONFIG,ACTIONS_RUNNER_HOOK_JOB_STARTED,TRACEPARENT -- "$@"
}

# From the first job on, the end of this machine is fixed.
begin_job() {
  [ -n "$reuse" ] || return 0
  echo "$had $tagged_then" >"$state/had.new"
  mv "$state/had.new" "$state/had"
  is_armed=yes
}

end_turn() {
  [ -n "$reuse" ] || return 1
  [ -z "$logs_group" ] || logs_end || true
  rm -rf "$private"
  private=$(mktemp -d)
  console_begin
}

# First what runs, so that nothing changes behind what follows; then what it mounted, its files, which their owner can
# lock, and its name.
clean() {
  launchctl bootout "user/$1" >/dev/null 2>&1 || true
  end_processes "$1" && unmount "job$1" && rm -f "$cron_folder/job$1" || return 1
  chflags -R nouchg,nouappnd "$homes/job$1" 2>/dev/null || true
  rm -rf "$homes/job$1" || return 1
  owned_by "$1" -prune -exec chflags -R nouchg,nouappnd {} + || true
  owned_by "$1" -prune -exec rm -rf {} + || true
  [ -z "$(owned_by "$1" -print | head -n 1)" ] || return 1
  dscl . -delete "/Users/job$1" >/dev/null 2>&1 || true
  dscl . -delete "/Groups/job$1" >/dev/null 2>&1 || true
  # Apple may refuse it to a script. The name alone has no password, no process and no file, and its number is not used again.
  ! dscl . -read "/Users/job$1" UniqueID >/dev/null 2>&1 || echo "the name of user job$1 is left"
}

# In the folders where every user may make files.
owned_by() {
  uid=$1
  shift
  # shellcheck disable=SC2086 # several folders
  find $shared_folders -xdev -user "$uid" "$@" 2>/dev/null
}

end_processes() {
  tries=0
  while [ "$tries" -lt "$kills_max" ]; do
    pkill -KILL -U "$1" || true
    ! runs_nothing "$1" || return 0
    tries=$((tries + 1))
    sleep 1
  done
  return 1
}

# What has ended and waits for its parent does no harm.
runs_nothing() {
  ps -A -o ruid= -o uid= -o stat= | awk -v id="$1" \
    '($1 == id || $2 == id) && $3 !~ /^Z/ { left = 1 } END { exit left || NR == 0 }'
}

# Disk images that the job has attached.
unmount() {
  mount | sed -n "s/^.* on \\(.*\\) (.*mounted by $1[,)].*\$/\\1/p" | while IFS= read -r folder; do
    umount -f "$folder" || true
  done
  ! mount | grep -q "mounted by $1[,)]"
}

# What a former runner has said on this machine was sent under its name.
console_begin() {
  : >"$(console_file)"
  chmod 600 "$(console_file)"
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
