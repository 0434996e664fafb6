# A tag, not a digest: rebuild weekly for Debian's security fixes, and pin the result by digest where it is deployed.
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/allie-xero
COPY requirements.build.lock requirements.runtime.lock ./
RUN pip --python /opt/allie-xero install --require-hashes --no-deps -r requirements.build.lock \
 && pip --python /opt/allie-xero install --require-hashes --no-deps --no-build-isolation --use-pep517 \
    -r requirements.runtime.lock
COPY pyproject.toml README.md ./
COPY src src
RUN pip --python /opt/allie-xero install --no-deps --no-build-isolation --no-index .

FROM build AS build-simulator
COPY requirements.simulator.lock ./
RUN pip --python /opt/allie-xero install --require-hashes --no-deps --no-build-isolation --use-pep517 \
    -r requirements.simulator.lock

# What both images have: an account without a home or a shell, and a folder for the key ring.
FROM ${PYTHON} AS base
RUN groupadd --system --gid 10001 allie \
 && useradd --system --uid 10001 --gid allie --no-create-home --shell /usr/sbin/nologin allie \
 && install --directory --owner=allie --group=allie --mode=0700 /var/lib/allie-xero
ENV PATH=/opt/allie-xero/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["allie-xero"]

# A Xero for development; never deployed.
FROM base AS simulator
COPY --from=build-simulator /opt/allie-xero /opt/allie-xero
LABEL org.opencontainers.image.title="allie-xero simulator" \
      org.opencontainers.image.description="A Xero for development, with made-up clinics"
EXPOSE 8090
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-Ic", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8090/_sim/health', timeout=2)"]
CMD ["simulator", "serve", "--host", "0.0.0.0", "--port", "8090", "--demo-data"]

# The service: worker, dispatcher and command line.
FROM base AS service
ARG VERSION=0.0.0
ARG REVISION=unknown
COPY --from=build /opt/allie-xero /opt/allie-xero
LABEL org.opencontainers.image.title="allie-xero" \
      org.opencontainers.image.description="Keeps a read-only copy of a clinic's Xero payroll in PostgreSQL" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV ALLIE_XERO_METRICS_HOST=0.0.0.0 ALLIE_XERO_METRICS_PORT=9191 ALLIE_XERO_REVISION=${REVISION}
EXPOSE 9191
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-Ic", "import os; from urllib.request import urlopen; urlopen('http://127.0.0.1:' + os.environ['ALLIE_XERO_METRICS_PORT'] + '/live', timeout=4)"]
CMD ["worker"]
