# The images of ArticDBM: --target operator or --target proxy. docs/images.md says what is in them and how to check it.
# BASE only builds: nothing but the libraries that Node is linked to, and the certificates, comes from it.
ARG BASE=node:26-bookworm-slim

FROM ${BASE} AS build
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends binutils ca-certificates libatomic1 libstdc++6 >/dev/null \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && rm -rf /root/.npm
ENV PATH=/src/node_modules/.bin:$PATH
# What both images share: the Node that package-lock.json pins, less its symbols, and what it is linked to.
RUN set -eu; package="$(echo node_modules/node-linux-*)"; \
  mkdir -p /image/app/licenses /image/etc/ssl/certs; \
  strip -o /image/app/node "$package/bin/node"; \
  for library in $(ldd "$package/bin/node" | grep -o '/[^ ]*'); do \
    mkdir -p "/image$(dirname "$library")"; cp -L "$library" "/image$library"; done; \
  cp "$package/LICENSE" /image/app/licenses/node; \
  cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/; \
  echo 'articdbm:x:65532:65532::/app:/nonexistent' >/image/etc/passwd; \
  echo 'articdbm:x:65532:' >/image/etc/group; \
  echo 'hosts: files dns' >/image/etc/nsswitch.conf; \
  /image/app/node --version

FROM build AS bundle
COPY . .
RUN node tools/build/bundle.ts /bundle/proxy \
  && node tools/build/bundle-operator.ts /bundle/operator \
  && for part in proxy operator; do cp LICENSE "/bundle/$part/LICENSE"; done

FROM scratch AS operator
COPY --from=build /image/ /
COPY --from=bundle /bundle/operator/ /app/
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/app/node", "/app/articdbm.js"]

FROM scratch AS proxy
COPY --from=build /image/ /
COPY --from=bundle /bundle/proxy/ /app/
# A limit makes the collector keep an idle proxy small; the same was measured from 64 to 192. A pod's own variable replaces it.
ENV NODE_OPTIONS=--max-old-space-size=128
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/app/node", "/app/articdbm-proxy.js"]
