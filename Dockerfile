# The deployer: what `make ci-deploy` and `make test` need, and nothing else. docker-compose.yml says how it is run.

# Node 24 with its npm, on Debian 12.
FROM node:24.21.0-bookworm-slim

# make runs everything; python3 with venv installs the emulator of AWS that the tests deploy to; procps has the `ps` by
# which the tests of local hosts look at processes.
# Versions are Debian 12's: a stable release changes them for the worst of faults alone, and takes the old ones away.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends \
    ca-certificates \
    make \
    procps \
    python3 \
    python3-venv \
  && rm -rf /var/lib/apt/lists/*

# The image's user `node` gets the number of the user whose files it reads, with a name and a home: compose hands it in.
ARG DEPLOYER_UID=1000
ARG DEPLOYER_GID=1000
ENV HOME=/home/deployer
RUN groupmod --non-unique --gid "$DEPLOYER_GID" node \
  && usermod --non-unique --uid "$DEPLOYER_UID" --gid "$DEPLOYER_GID" --home "$HOME" node \
  && mkdir --mode=1777 "$HOME" /app /app/.cache
WORKDIR /app

# The packages, in a layer that stays as long as the lock file does.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund --loglevel=error \
  && touch node_modules/.installed \
  && chmod -R a+rwX node_modules "$HOME"

COPY . .

# No root at run time; by number, as a cluster wants to see it.
USER ${DEPLOYER_UID}
CMD ["make", "help"]
