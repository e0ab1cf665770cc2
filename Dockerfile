# The controller: one folder of JavaScript beside Node, in an image without a shell, npm or node_modules.
#
#   docker build --tag registry.example/kseal-controller:0.1.0 .

FROM node:24-slim AS build
WORKDIR /kseal
COPY package.json package-lock.json ./
# Nothing of the bundle needs an install script.
RUN npm ci --ignore-scripts
COPY rolldown.controller.config.js ./
COPY src src
COPY controller controller
RUN npm run build:controller

FROM gcr.io/distroless/nodejs24-debian13:nonroot
LABEL org.opencontainers.image.title="kseal-controller" \
      org.opencontainers.image.description="Makes Secrets out of SealedSecrets" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /kseal
# Owned by root, and not to be written by who runs it; the file system is read-only besides.
COPY --from=build /kseal/dist/controller ./
USER 65532:65532
EXPOSE 8080 8081
# Arguments of a container are flags of the controller.
ENTRYPOINT ["/nodejs/bin/node", "main.cjs"]
