# By option: what this machine prints, and the diagnostics that the runner keeps, go to CloudWatch Logs every few seconds
# and once more at the end. No agent: curl signs for itself, since 7.75, by the credentials of the machine's profile.
# What was sent is marked only once it was taken: a line may come twice, and is not lost.

logs_follow() {
  while sleep "$logs_seconds"; do logs_send || true; done &
  logs_follower=$!
}

# Nothing is tried again here, so the end of the machine is held up for some seconds at most.
logs_end() {
  [ -z "${logs_follower-}" ] || kill "$logs_follower" 2>/dev/null || true
  logs_send
}

logs_send() {
  [ -n "${name-}" ] && logs_credentials && logs_of_file "$(console_file)" console || return 0
  for file in "$runner_folder"/_diag/*.log; do
    [ ! -f "$file" ] || logs_of_file "$file" diag || return 0
  done
}

# The profile's credentials change within hours: read anew each time, and kept where root alone may read.
logs_credentials() {
  role=$(metadata meta-data/iam/security-credentials/) && region=$(metadata meta-data/placement/region) &&
    domain=$(metadata meta-data/services/domain) &&
    given=$(metadata "meta-data/iam/security-credentials/$role" | tr -d '\n ') || return 1
  (
    umask 077
    printf 'user = "%s:%s"\nheader = "x-amz-security-token: %s"\n' \
      "$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field Token)" >"$private/credentials"
  )
}

field() {
  printf '%s' "$given" | sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"
}

# Its body comes by standard input.
logs_call() {
  curl --silent --fail --max-time 10 --config "$private/credentials" --aws-sigv4 "aws:amz:$region:logs" \
    --header 'content-type: application/x-amz-json-1.1' --header "x-amz-target: Logs_20140328.$1" \
    --data-binary @- --output /dev/null "${logs_endpoint:-https://logs.$region.$domain}/"
}

mark_of() {
  echo "$private/$(basename "$1").sent"
}

logs_of_file() {
  rounds=0
  while [ "$rounds" -lt "$logs_rounds_max" ]; do
    rounds=$((rounds + 1))
    sent=$(cat "$(mark_of "$1")" 2>/dev/null || echo 0)
    tail -c "+$((sent + 1))" "$1" 2>/dev/null | head -c "$logs_bytes_max" >"$private/fresh"
    # Whole lines alone; one that is longer than all that may be sent goes in pieces.
    lines=$(($(wc -l <"$private/fresh")))
    [ "$lines" -le "$logs_lines_max" ] || lines=$logs_lines_max
    if [ "$lines" -gt 0 ]; then
      head -n "$lines" "$private/fresh" >"$private/lines"
    else
      [ $(($(wc -c <"$private/fresh"))) -ge "$logs_bytes_max" ] || return 0
      cp "$private/fresh" "$private/lines"
    fi
    logs_put "$2" || return 1
    echo $((sent + $(wc -c <"$private/lines"))) >"$(mark_of "$1")"
  done
}

# The stream may be there already.
logs_put() {
  stream="\"logGroupName\":\"$logs_group\",\"logStreamName\":\"$name/$1\""
  [ -f "$private/$1.made" ] || printf '{%s}' "$stream" | logs_call CreateLogStream || true
  {
    printf '{%s,"logEvents":[' "$stream"
    logs_events <"$private/lines"
    printf ']}'
  } | logs_call PutLogEvents && : >"$private/$1.made"
}

# An event has a character at least, and no control characters.
logs_events() {
  iconv -c -f UTF-8 -t UTF-8 2>/dev/null | tr '\t\r' '  ' | tr -d '\000-\010\013-\037' |
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^$/ /' \
      -e "s/.*/{\"timestamp\":$(date +%s)000,\"message\":\"&\"}/" | paste -s -d , -
}
