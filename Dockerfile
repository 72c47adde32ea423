# Two stages on one base: the first builds a virtual environment, the second runs it as a user without rights.
#
#   docker build -t queue-board .
#   docker run -p 8000:8000 -e REDIS_URL=redis://my-redis:6379/0 --read-only --tmpfs /tmp queue-board
#
# The base has to be a Debian or Ubuntu with Python 3.11 or later: the embedded server has no musl build.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
RUN python3 -m venv /app
COPY pyproject.toml hatch_build.py package.json package-lock.json .npmrc README.md LICENSE ./
COPY board board
COPY templates templates
COPY static static
# There is no npm here: pip brings one into the build's own environment to fetch htmx, and both are gone afterwards.
RUN /app/bin/pip install --no-cache-dir --disable-pip-version-check . \
 && /app/bin/python -m compileall -q /app/lib \
 && /app/bin/python -m board.web.precompile

FROM ${BASE}
RUN groupadd --system --gid 10001 board \
 && useradd --system --uid 10001 --gid board --no-create-home --home-dir /nonexistent board
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BOARD_HOST=0.0.0.0 \
    PORT=8000
WORKDIR /
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether the process answers, not whether Redis does: starting the board anew mends no Redis (/readyz tells that).
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["python3", "-c", "\
import os, urllib.request; \
path = '/'.join(filter(None, (os.environ.get('BOARD_BASE_PATH', '').strip('/'), 'healthz'))); \
urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/{path}', timeout=4)"]
CMD ["board", "serve"]
