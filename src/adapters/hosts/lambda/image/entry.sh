#!/bin/bash
# What a function runs: it asks Lambda's Runtime API for an invocation, becomes the runner that it is about, and answers
# when that has ended. [Lambda: Using the Runtime API for custom runtimes]
#
#   entry.sh <folder of GitHub's runner> <folder that can be written to> alone
#
# `alone`: every process of this user is this program's own, and none outlives its invocation.
#
#   answered  ended     its runner has ended, whatever became of a job
#             stopped   the function's time was over before the job was
#             unwanted  its claim was refused, and no other invocation has the runner either
#             spent     its claim was refused, as another invocation of the same event has the runner
#   failed    Runner.…  it could not become a runner
#
# The role's credentials are in the environment that Lambda starts this with. The first thing is to start again without
# them, so that no process that a job could look at has them.

set -u
umask 077

here=$(cd "$(dirname "$0")" && pwd)

# To cancel a job, to end its processes (the runner gives them some ten seconds), to send its log.
stop_seconds=60
# Of those, for what is left after the runner: to end it by force, to clean, to answer.
last_seconds=10
# GitHub's answer to a claim takes seconds at most.
claim_seconds_max=30
note_seconds_max=5
pause_seconds_default=5
pause_seconds_max=60
# Lines that a runner has written, and that were not read yet when it ended.
read_out_tenths=20

main() {
  if [ "${1-}" = serve ]; then
    shift
    serve "$@"
  else
    api=${AWS_LAMBDA_RUNTIME_API-}
    clear_environment
    exec "$BASH" "$here/entry.sh" serve "$api" "$@"
  fi
}

# All that Lambda sets, credentials first; what the image sets stays, since jobs may need it.
clear_environment() {
  for variable in $(compgen -e); do
    case "$variable" in
      AWS_* | _AWS_* | LAMBDA_* | _LAMBDA_* | _HANDLER | _X_AMZN_* | AMZN_*) unset "$variable" ;;
    esac
  done
}

serve() {
  api="http://$1/2018-06-01/runtime"
  source_folder=$2
  scratch=$3
  alone=${4-}
  private="$scratch/.entry"
  job_seconds=${RUNNER_JOB_SECONDS:-0}
  unset RUNNER_JOB_SECONDS ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT
  trap : USR1
  while :; do
    clean
    mkdir "$private" || exit 1
    next || exit 1
    work
    # Before the answer: with it the place is free for the next.
    clean
    answer
  done
}

# What an earlier invocation left, where Lambda uses an environment again; /tmp stays even when this program has died.
clean() {
  end_leftovers
  chmod -R u+rwX "$scratch" 2>/dev/null
  find "$scratch" -mindepth 1 -delete 2>/dev/null
}

# All that this user may end, which does not include this process. [kill(2): Linux notes]
end_leftovers() {
  if [ "$alone" = alone ]; then
    kill -KILL -1 2>/dev/null
  elif [ -n "${runner-}" ]; then
    kill -KILL -- "-$runner" 2>/dev/null
  fi
  runner=''
}

# ---- The Runtime API

# It may take as long as it likes: the environment stands still meanwhile.
next() {
  event=$(curl --silent --show-error --fail --noproxy '*' --dump-header "$private/headers" \
    "$api/invocation/next") || return 1
  request=$(header lambda-runtime-aws-request-id)
  deadline_ms=$(header lambda-runtime-deadline-ms)
  rm -f "$private/headers"
  [ -n "$request" ]
}

header() {
  tr -d '\r' <"$private/headers" | sed -n "s/^$1: *//Ip" | tail -n 1
}

ended() {
  answer_kind=response
  answer_body=$(printf '{"outcome":"%s","why":"%s"}' "$1" "$(plain "$2")")
}

failed() {
  answer_kind=error
  answer_body=$(printf '{"errorType":"Runner.%s","errorMessage":"%s"}' "$1" "$(plain "$2")")
  echo "$2" >&2
}

plain() {
  printf '%s' "$1" | tr -cd "A-Za-z0-9 .,:;()'/_-" | cut -c 1-200
}

answer() {
  printf '%s' "$answer_body" | curl --silent --show-error --noproxy '*' --max-time 30 --retry 3 --output /dev/null \
    --header 'content-type: application/json' --data-binary @- "$api/invocation/$request/$answer_kind"
}

# ---- One runner

work() {
  read_event || {
    failed BadEvent 'the event is not one of this system'
    return
  }
  copy_runner &
  copying=$!
  milestone booted '' &
  claim
  claimed=$?
  wait_for "$copying"
  copied=$?
  [ "$claimed" -eq 0 ] || return
  [ "$copied" -eq 0 ] || {
    failed NoRoom "the runner could not be copied: is the function's ephemeral storage too small?"
    return
  }
  run_job
  milestone jobEnded ''
}

# All that is in here ends up in a request or a calculation, so nothing else is taken.
read_event() {
  name=$(field runner)
  token=$(field token)
  claim_url=$(field claimUrl)
  lifetime=$(printf '%s' "$event" | sed -n 's/.*"lifetimeSeconds":\([0-9]\{1,6\}\)[,}].*/\1/p')
  case "$name" in *[!a-z0-9-]* | '') return 1 ;; esac
  case "$token" in *[!A-Za-z0-9._-]* | '') return 1 ;; esac
  case "$claim_url" in *[[:space:]\"\\]*) return 1 ;; https://* | http://127.0.0.1:*) ;; *) return 1 ;; esac
  case "$deadline_ms$lifetime$job_seconds" in *[!0-9]*) return 1 ;; esac
  [ -n "$lifetime" ] && [ -n "$deadline_ms" ] || return 1
  # A key that no other invocation has: of two with one event, the door lets one in.
  key=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')
  ends_at=$((deadline_ms / 1000))
  stops_at=$((ends_at - stop_seconds))
  [ $((EPOCHSECONDS + lifetime)) -ge "$stops_at" ] || stops_at=$((EPOCHSECONDS + lifetime))
  # A job that began later would not have its time.
  idle_until=$((stops_at - job_seconds))
}

field() {
  printf '%s' "$event" | sed -n "s/.*\"$1\":\"\([^\"\\]*\)\".*/\1/p"
}

# The runner writes beside itself, and the image can't be written to. What it only reads, and is the most of it, stays
# there. Its `bin` may not: it takes for its own folder what that is really in.
copy_runner() {
  mkdir "$scratch/runner" "$scratch/home" || return 1
  for entry in "$source_folder"/* "$source_folder"/.[!.]*; do
    [ -e "$entry" ] || continue
    case "${entry##*/}" in
      externals) ln -s "$entry" "$scratch/runner/externals" || return 1 ;;
      *) cp -R "$entry" "$scratch/runner/" || return 1 ;;
    esac
  done
  [ -x "$scratch/runner/run.sh" ]
}

# `wait` alone ends when a signal comes, too.
wait_for() {
  while :; do
    wait "$1"
    status=$?
    kill -0 "$1" 2>/dev/null || return "$status"
  done
}

# By a body on standard input: what proves this invocation is not to be seen in a list of processes.
post() {
  curl --silent --max-time "$1" --header 'content-type: application/json' --data-binary @- \
    --output "$2" --dump-header "$3" --write-out '%{http_code}' "$4"
}

proof() {
  printf '"runner":"%s","token":"%s","key":"%s"' "$name" "$token" "$key"
}

# A note for the timeline. It may fail.
milestone() {
  detail=$(plain "$2")
  printf '{%s,"milestone":"%s","detail":"%s"}' "$(proof)" "$1" "$detail" |
    post "$note_seconds_max" /dev/null /dev/null "${claim_url%/claim}/milestones" >/dev/null 2>&1 || true
}

# 200 brings the configuration. 410, and 401 for another key, say that this invocation is not wanted; everything else may
# change: GitHub grants no more for a while (429), a fault (5xx).
claim() {
  status='none'
  while [ "$EPOCHSECONDS" -lt "$idle_until" ]; do
    status=$(printf '{%s}' "$(proof)" |
      post "$claim_seconds_max" "$private/answer" "$private/headers" "$claim_url") || status=000
    said=$(sed -n 's/.*"message":"\([^"\\]*\)".*/\1/p' "$private/answer" 2>/dev/null)
    case "$status" in
      200)
        jit_config=$(sed -n 's/.*"jitConfig":"\([A-Za-z0-9+/=_-]*\)".*/\1/p' "$private/answer")
        trace=$(sed -n 's/.*"traceparent":"\([0-9a-f-]*\)".*/\1/p' "$private/answer")
        rm -f "$private/answer" "$private/headers"
        [ -n "$jit_config" ] && return 0
        ;;
      401)
        case "$said" in
          *'own key'*) ended spent "$said" ;;
          *) failed ClaimRefused "its claim was refused: $said" ;;
        esac
        return 1
        ;;
      410)
        if grep -q '"claimed":false' "$private/answer"; then ended unwanted "it was not wanted any more: $said"; else
          ended spent "$said"
        fi
        return 1
        ;;
    esac
    pause
  done
  failed ClaimUnanswered "its claim was not answered in time: the last answer was $status"
  return 1
}

# As long as the answer says, within reason.
pause() {
  seconds=$(tr -d '\r' <"$private/headers" 2>/dev/null |
    sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,4\}\)$/\1/p' | tail -n 1)
  rm -f "$private/headers"
  [ -n "$seconds" ] && [ "$seconds" -ge 1 ] || seconds=$pause_seconds_default
  [ "$seconds" -le "$pause_seconds_max" ] || seconds=$pause_seconds_max
  sleep "$seconds"
}

# The configuration goes by the environment, which the runner clears, and never by the arguments. The runner is a job of
# this shell's in a group of its own: so it is interrupted as by a person, where a shell's other children would not hear.
run_job() {
  mkfifo "$private/output" "$private/never"
  read_output <"$private/output" &
  reading=$!
  set -m
  (
    umask 022
    cd "$scratch/runner" || exit 1
    export ACTIONS_RUNNER_INPUT_JITCONFIG="$jit_config" TRACEPARENT="$trace" HOME="$scratch/home"
    export ACTIONS_RUNNER_HOOK_JOB_STARTED="$here/job-started.sh" RUNNER_STOPS_AT="$stops_at"
    # It hands a signal on to all that it started.
    export RUNNER_MANUALLY_TRAP_SIG=1
    exec ./run.sh
  ) >"$private/output" 2>&1 </dev/null &
  runner=$!
  set +m
  jit_config=''
  ended ended 'its runner has ended'
  watch_time
  end_leftovers_of_job
}

# Until the runner has ended: it is told to end where it is idle and too late for a job, and where the time is over, and
# ended by force where that does not help.
watch_time() {
  stage=idle
  arm "$idle_until"
  while :; do
    wait "$runner"
    code=$?
    kill -0 "$runner" 2>/dev/null || break
    now=$EPOCHSECONDS
    if [ "$stage" = idle ] && [ "$now" -ge "$idle_until" ]; then
      if [ -e "$private/busy" ]; then
        stage=busy
        arm "$stops_at"
      else
        stage=stopping
        tell_to_end ended 'it was idle for so long that no job would have had its time'
      fi
    elif [ "$stage" = busy ] && [ "$now" -ge "$stops_at" ]; then
      stage=stopping
      tell_to_end stopped "its job ran until the function's time was over, and was stopped"
    elif [ "$stage" = stopping ] && [ "$now" -ge $((ends_at - last_seconds)) ]; then
      stage=killed
      kill -KILL "$runner" 2>/dev/null
    fi
  done
  disarm
  echo "the runner has ended: $code"
}

tell_to_end() {
  ended "$1" "$2"
  echo "$2"
  kill -TERM "$runner" 2>/dev/null
  arm $((ends_at - last_seconds))
}

# A wait that is no process which could be left over: a shell that reads what nobody writes, for so long.
arm() {
  disarm
  left=$(($1 - EPOCHSECONDS))
  [ "$left" -ge 1 ] || left=1
  (
    trap - USR1
    read -r -t "$left" _ <>"$private/never"
    kill -USR1 "$$"
  ) &
  alarm=$!
}

disarm() {
  [ -z "${alarm-}" ] || kill "$alarm" 2>/dev/null
  alarm=''
}

read_output() {
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case "$line" in
      *'Listening for Jobs'*) milestone registered '' & ;;
      *'Running job: '*)
        : >"$private/busy"
        milestone jobStarted "${line##*Running job: }" &
        ;;
    esac
  done
}

# What a job left running holds the pipe open, so the reader is waited for a moment only.
end_leftovers_of_job() {
  kill -KILL -- "-$runner" 2>/dev/null
  for _ in $(seq "$read_out_tenths"); do
    kill -0 "$reading" 2>/dev/null || return
    sleep 0.1
  done
  kill "$reading" 2>/dev/null
}

main "$@"
