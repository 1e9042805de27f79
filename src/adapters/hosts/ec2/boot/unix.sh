# What is the same on Linux and macOS. The first run, by the user data, installs a service; the service is this script
# again, with `run`, at every boot: it asks for a configuration until it gets one, runs one job, and ends the machine,
# or cleans it and asks again.

key=''
# The runner that has had its job here, and what this machine was tagged with then.
had=''
tagged_then=''

main() {
  case "${1-install}" in
    install) install_service ;;
    run) run ;;
    job-started) milestone jobStarted "${GITHUB_REPOSITORY-} run ${GITHUB_RUN_ID-}" & ;;
  esac
}

run() {
  # Whatever happens in here, the machine ends; only the system itself stops this service without it, to stop the machine.
  trap end_machine EXIT
  trap 'trap - EXIT; exit 0' TERM
  private=$(mktemp -d)
  console_begin
  read_tags || exit 1
  begin_machine
  arm_lifetime
  milestone booted '' &
  prepare
  while :; do
    begin_turn || exit 1
    claim || exit 1
    begin_job
    # Not before: until here the machine may be given another name.
    [ -z "$logs_group" ] || logs_follow
    run_job
    milestone jobEnded ''
    end_turn || break
  done
}

# The metadata service, version 2: a token for each look, since a job may run for longer than one lives.
metadata() {
  token=$(curl --silent --fail --max-time 5 --retry 5 --retry-connrefused --request PUT \
    --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token") || return 1
  curl --silent --fail --max-time 5 --retry 5 --header "X-aws-ec2-metadata-token: $token" "$imds/$1"
}

tag() {
  metadata "meta-data/tags/instance/$1"
}

# Anew before each claim: a machine that stood by may have another name.
read_tags() {
  name=$(tag runners:name) && claim_url=$(tag runners:claim) && lifetime=$(tag runners:lifetime) || return 1
  case "$name" in *[!a-z0-9-]* | '') return 1 ;; esac
  case "$lifetime" in *[!0-9]* | '') return 1 ;; esac
  case "$claim_url" in *[[:space:]\"\\]*) return 1 ;; https://* | http://127.0.0.1:*) ;; *) return 1 ;; esac
}

# By a body on standard input: what proves this machine is not to be seen in a list of processes.
post() {
  curl --silent --max-time "$1" --header 'content-type: application/json' --data-binary @- \
    --output "$2" --dump-header "$3" --write-out '%{http_code}' "$4"
}

proof() {
  identity=$(metadata dynamic/instance-identity/rsa2048 | tr -d '\n') || return 1
  printf '"runner":"%s","identity":"%s"' "$name" "$identity"
}

# A note for the timeline. It may fail.
milestone() {
  [ -n "${name-}" ] || read_tags || return 0
  detail=$(printf '%s' "$2" | tr -cd 'A-Za-z0-9 ._/-' | cut -c 1-200)
  about=$(proof) || return 0
  printf '{%s,"milestone":"%s","detail":"%s"}' "$about" "$1" "$detail" |
    post 5 /dev/null /dev/null "${claim_url%/claim}/milestones" >/dev/null 2>&1 || true
}

# 200 brings the configuration; 410 says that it is not wanted any more; everything else may change: it stands by (202),
# EC2's answer to the launch is not written down yet (401), GitHub grants no more for a while (429), a fault (5xx).
claim() {
  refusals=0
  waits=0
  while :; do
    read_tags || true
    tagged=$name
    next=''
    # Until it has another name, it asks what it is to do after that runner's job. Its tags may lag behind.
    case "$name" in "$had" | "$tagged_then") name=$had next=',"next":true' ;; esac
    status=000
    about=$(proof) && status=$(printf '{%s%s%s}' "$about" "${key:+,\"key\":\"$key\"}" "$next" |
      post 30 "$private/answer" "$private/headers" "$claim_url") || status=000
    case "$status" in
      200)
        jit_config=$(sed -n 's/.*"jitConfig":"\([A-Za-z0-9+/=_-]*\)".*/\1/p' "$private/answer")
        trace=$(sed -n 's/.*"traceparent":"\([0-9a-f-]*\)".*/\1/p' "$private/answer")
        had=$(sed -n 's/.*"runner":"\([a-z0-9-]*\)".*/\1/p' "$private/answer")
        had=${had:-$name}
        name=$had
        tagged_then=$tagged
        rm -f "$private/answer"
        # The job has all of the machine's longest life, however long this one stood by.
        [ -n "$jit_config" ] && arm_lifetime && return 0
        ;;
      410) echo 'this machine is not wanted any more' >&2 && return 1 ;;
      202)
        # It is wanted, so it lives on; not told so for its longest life, it ends.
        [ $((waits % rearm_waits)) -ne 0 ] || arm_lifetime
        waits=$((waits + 1))
        ;;
      429 | 5?? | 000) ;;
      *)
        refusals=$((refusals + 1))
        echo "the claim was refused: $status" >&2
        [ "$refusals" -lt "$refusals_max" ] || return 1
        ;;
    esac
    sleep "$(pause_seconds)"
  done
}

# As long as the answer says, within reason.
pause_seconds() {
  seconds=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,4\}\).*/\1/p' "$private/headers" 2>/dev/null | tail -n 1)
  rm -f "$private/headers"
  [ -n "$seconds" ] && [ "$seconds" -ge 1 ] || seconds=$pause_seconds_default
  [ "$seconds" -le "$pause_seconds_max" ] || seconds=$pause_seconds_max
  echo "$seconds"
}

# The configuration goes by the environment, which the runner clears, and never by the arguments.
run_job() {
  cd "$runner_folder" || return 1
  (
    export ACTIONS_RUNNER_INPUT_JITCONFIG="$jit_config" TRACEPARENT="$trace"
    export ACTIONS_RUNNER_HOOK_JOB_STARTED="$library/job-started.sh"
    as_user ./run.sh 2>&1
  ) | while IFS= read -r line; do
    printf '%s\n' "$line"
    case "$line" in
      *'Current runner version: '*) running=${line##*version: } ;;
      *'Listening for Jobs'*) milestone registered "${running:+runner $running}" & ;;
    esac
  done
  jit_config=''
}

# A runner in an image is taken as it is: it belongs to its user. Else GitHub's own is installed, which takes a while.
prepare() {
  make_user
  for folder in "$runner_folder" /opt/actions-runner "/home/$user/actions-runner" "/Users/$user/actions-runner"; do
    [ -x "$folder/run.sh" ] && runner_folder=$folder && return 0
  done
  version=$runner_version
  if [ -z "$version" ]; then
    latest=$(curl --silent --fail --max-time 30 --retry 5 --output /dev/null --write-out '%{redirect_url}' \
      "$runner_releases/latest")
    version=${latest##*/v}
  fi
  archive="$private/runner.tar.gz"
  curl --silent --show-error --fail --location --retry 5 --max-time 600 --output "$archive" \
    "$runner_releases/download/v$version/actions-runner-$runner_platform-$version.tar.gz"
  [ -z "$runner_sha256" ] || [ "$(checksum "$archive")" = "$runner_sha256" ] || {
    echo 'the runner that was downloaded has another checksum' >&2
    return 1
  }
  mkdir -p "$runner_folder"
  tar -xzf "$archive" -C "$runner_folder"
  rm -f "$archive"
  chown -R "$user" "$runner_folder"
  install_dependencies
}

end_machine() {
  trap - EXIT
  [ -z "$logs_group" ] || logs_end || true
  rm -rf "${private:-/nonexistent}"
  power_off
}

# Readable by all: a job's hook runs it as the runner's user, and there is nothing in it to hide.
install_script() {
  mkdir -p "$library"
  cp "$0" "$library/boot.sh"
  # shellcheck disable=SC2016 # expanded when it runs
  printf '#!/bin/sh\nexec "%s/boot.sh" job-started\n' "$library" >"$library/job-started.sh"
  chmod 755 "$library" "$library/boot.sh" "$library/job-started.sh"
}

main "$@"
