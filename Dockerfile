# Two images in one: the server build (default) talks to a ClickHouse server and carries no engine;
# `--target embedded` adds libchdb for the one-binary installation.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/tailrace ./cmd/tailrace

FROM node:20-bookworm AS engine
WORKDIR /engine
COPY warehouse/npm/package.json warehouse/npm/package-lock.json ./
RUN npm ci --no-audit --no-fund && mv node_modules/@chdb/lib-linux-x64-gnu/libchdb.so /engine/libchdb.so

FROM debian:bookworm-slim AS embedded
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/tailrace /usr/local/bin/tailrace
COPY --from=engine /engine/libchdb.so /usr/local/bin/libchdb.so
RUN useradd --system --create-home --uid 10001 tailrace && mkdir /data && chown tailrace /data
USER tailrace
ENTRYPOINT ["tailrace"]
CMD ["serve", "--project", "/project", "--data", "/data", "--addr", "0.0.0.0:8080"]

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/tailrace /usr/local/bin/tailrace
RUN useradd --system --create-home --uid 10001 tailrace && mkdir /data && chown tailrace /data
USER tailrace
ENTRYPOINT ["tailrace"]
CMD ["serve", "--project", "/project", "--data", "/data", "--addr", "0.0.0.0:8080"]
