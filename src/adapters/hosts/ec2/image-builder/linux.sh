# Makes a ready machine of a plain Ubuntu: GitHub's runner, checked, with what it needs; Docker, git, and tools that jobs
# take for granted. Run once, as root, on the machine that an image is made of.

main() {
  export DEBIAN_FRONTEND=noninteractive
  quiet
  install_packages
  make_user
  install_runner
  tidy
}

# A machine lives for one job: updates would hold the locks of packages when the job wants them.
quiet() {
  systemctl disable --now apt-daily.timer apt-daily-upgrade.timer
  systemctl mask apt-daily.service apt-daily-upgrade.service
}

# The first boot's own installs may hold the lock for a while.
apt() {
  apt-get --quiet --yes -o DPkg::Lock::Timeout=900 -o Acquire::Retries=5 "$@"
}

# Docker as Ubuntu has it: its packages are signed, and mended with the system's.
install_packages() {
  apt update
  apt upgrade
  # shellcheck disable=SC2086 # a list
  apt install --no-install-recommends $packages
  systemctl enable docker.service
}

# A job may do everything on its machine, as on GitHub's own: whoever may use Docker is root anyway.
make_user() {
  id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
  usermod --append --groups docker "$user"
  printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$user" >"$sudoers"
  chmod 440 "$sudoers"
}

# By the redirect of the page of the newest release, which has no limit of requests.
newest_version() {
  latest=$(curl --silent --show-error --fail --retry 8 --retry-all-errors --output /dev/null --write-out '%{redirect_url}' \
    "$releases/latest")
  echo "${latest##*/v}"
}

# GitHub computes it from what was uploaded. Its API takes 60 requests an hour of an address.
published_digest() {
  curl --silent --show-error --fail --retry 8 --retry-all-errors "$api/releases/tags/v$version" |
    jq --raw-output --arg name "$1" '.assets[] | select(.name == $name) | .digest // empty'
}

install_runner() {
  case $(uname -m) in
    x86_64) architecture=x64 ;;
    aarch64) architecture=arm64 ;;
    *) echo "GitHub has no runner for $(uname -m)" >&2 && return 1 ;;
  esac
  version=$(newest_version)
  asset="actions-runner-linux-$architecture-$version.tar.gz"
  digest=$(published_digest "$asset")
  case "$digest" in sha256:????????????????????????????????????????????????????????????????) ;; *)
    echo "GitHub tells no checksum of $asset" >&2
    return 1
    ;;
  esac
  archive=$(mktemp)
  curl --silent --show-error --fail --location --retry 8 --retry-all-errors --output "$archive" \
    "$releases/download/v$version/$asset"
  echo "${digest#sha256:}  $archive" | sha256sum --check --status || {
    echo "the runner that was downloaded has another checksum than $digest" >&2
    return 1
  }
  mkdir -p "$runner_folder" "$tool_cache"
  tar -xzf "$archive" -C "$runner_folder"
  rm -f "$archive"
  "$runner_folder/bin/installdependencies.sh"
  # Where actions that set languages up keep them, as on GitHub's own machines.
  echo "AGENT_TOOLSDIRECTORY=$tool_cache" >"$runner_folder/.env"
  chown -R "$user:" "$runner_folder" "$tool_cache"
  echo "the runner is $version"
}

# Lists of packages are old by the time that a job asks for one.
tidy() {
  apt clean
  rm -rf "${package_lists:?}"/*
}

main
