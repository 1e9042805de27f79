# On a machine that has booted from the image: what a job stands on is there, and works as the runner's user.

for program in curl docker git jq python3 tar unzip zip; do
  command -v "$program" >/dev/null || { echo "$program is missing" >&2 && exit 1; }
done
systemctl is-active docker.service
runuser --user "$user" -- docker info
runuser --user "$user" -- "$runner_folder/bin/Runner.Listener" --version
