# The images of kseal, by target:
#
#   controller   the controller, which is what is built without a target
#   cli          kseal alone, for jobs and init containers
#   argocd       kseal with kustomize, for the sidecar of Argo CD
#
#   docker build --tag registry.example/kseal-controller:0.1.0 .
#
#   npm run build:exe -- build/kseal-linux-amd64
#   docker build --target argocd --tag registry.example/kseal-argocd:0.1.0 .

# JavaScript is the same for every machine: it is bundled on the one that builds.
FROM --platform=$BUILDPLATFORM node:24-slim AS build
WORKDIR /kseal
COPY package.json package-lock.json ./
# Nothing of the bundle needs an install script.
RUN npm ci --ignore-scripts
COPY rolldown.controller.config.js ./
COPY src src
COPY controller controller
RUN npm run build:controller

# Compiled on the machine that builds, for the one that runs it.
FROM --platform=$BUILDPLATFORM golang:1.26 AS tools
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
# For another machine than its own, Go puts it into a folder of that name. Called ksops, kseal does what KSOPS does.
RUN mkdir /tools && find /go/bin -name kustomize -exec cp {} /tools/ ';' && ln -s kseal /tools/ksops

# The executable of the release, as it is: nothing is compiled here.
FROM gcr.io/distroless/base-debian13:nonroot AS cli
LABEL org.opencontainers.image.title="kseal-cli" \
      org.opencontainers.image.description="Keeps Kubernetes secrets in Git" \
      org.opencontainers.image.licenses="Apache-2.0"
ARG TARGETARCH
COPY --chmod=0755 build/kseal-linux-${TARGETARCH} /usr/local/bin/kseal
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/kseal"]

FROM gcr.io/distroless/base-debian13:nonroot AS argocd
LABEL org.opencontainers.image.title="kseal-argocd" \
      org.opencontainers.image.description="kseal and kustomize, for a sidecar of Argo CD's repo-server" \
      org.opencontainers.image.licenses="Apache-2.0"
ARG TARGETARCH
COPY --chmod=0755 build/kseal-linux-${TARGETARCH} /usr/local/bin/kseal
COPY --from=tools /tools/ /usr/local/bin/
# The user of Argo CD, whom the image does not know.
ENV HOME=/tmp
USER 999:999
# The sidecar runs argocd-cmp-server instead, which the repo-server brings.
ENTRYPOINT ["/usr/local/bin/kseal"]

# The Node of the image writes down the code that it compiles of the bundle. One for another processor passes it over,
# and starts a little later.
FROM --platform=$BUILDPLATFORM gcr.io/distroless/nodejs24-debian13:nonroot AS compiled
WORKDIR /kseal
COPY --from=build /kseal/dist/controller ./
USER 0:0
RUN ["/nodejs/bin/node", "compile.cjs"]

# One folder of JavaScript beside Node, without a shell, npm or node_modules.
FROM gcr.io/distroless/nodejs24-debian13:nonroot AS controller
LABEL org.opencontainers.image.title="kseal-controller" \
      org.opencontainers.image.description="Makes Secrets out of SealedSecrets" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /kseal
# Owned by root, and not to be written by who runs it; the file system is read-only besides.
COPY --from=compiled /kseal ./
USER 65532:65532
EXPOSE 8080 8081
# Arguments of a container are flags of the controller.
# The threads that open values share one heap of the C library, in place of one each that is never given back.
ENV MALLOC_ARENA_MAX=1
# Garbage is collected sooner: less memory for a little more work.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=1", "main.cjs"]
