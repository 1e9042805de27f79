#!/bin/bash
# The runner's hook before a job, whose words stand in the job's own log: when the job is stopped at the latest.

at=$(date --utc --date="@$RUNNER_STOPS_AT" '+%H:%M:%S UTC')
minutes=$(((RUNNER_STOPS_AT - $(date +%s)) / 60))
echo "This runner is a function of AWS Lambda, which lives for 15 minutes at most. A job that still runs at $at, $minutes"
echo 'minutes from now, is stopped then. Jobs that take longer need the labels of a pool on another type of host.'
exit 0
