# One image per app, from the root of the repository: docker build -f deploy/compose/app.Dockerfile --build-arg APP=backend .
ARG PYTHON_IMAGE=python:3.13-slim-trixie
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13.9

FROM ${UV_IMAGE} AS uv

FROM ${PYTHON_IMAGE} AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/parkstream \
    UV_PYTHON=/usr/local/bin/python3 UV_PYTHON_DOWNLOADS=never
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /src
ARG APP
# What others wrote, exactly as uv.lock says: this layer stays until the lock changes.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    uv sync --quiet --frozen --no-dev --no-install-workspace --package "parkstream-${APP}"
# What we wrote is mounted, not copied: only what is installed of it stays.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,target=/src,rw \
    uv sync --quiet --frozen --no-dev --no-editable --package "parkstream-${APP}" \
 && printf '#!/bin/sh\nexec python -m parkstream_%s "$@"\n' "$(echo "${APP}" | tr - _)" >/opt/parkstream/bin/app \
 && chmod 755 /opt/parkstream/bin/app

FROM ${PYTHON_IMAGE}
# Volumes that are mounted here for the first time belong to whom these folders belong to.
RUN groupadd --gid 10001 parkstream \
 && useradd --uid 10001 --gid parkstream --no-create-home --shell /usr/sbin/nologin parkstream \
 && install -d -o parkstream -g parkstream -m 750 /data /archive /queue
COPY --from=build /opt/parkstream /opt/parkstream
COPY --chmod=755 deploy/compose/healthy /usr/local/bin/healthy
ENV PATH=/opt/parkstream/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /data
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["app"]
