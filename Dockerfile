# syntax=docker/dockerfile:1
# The farm's one image: every process of the chart is a command of it. Each step is a script that CI runs, too, without
# Docker (tests/integration/test_image_steps.py). Built from the root of the repository:  docker build -t recording-farm .

ARG PYTHON=3.11-slim-bookworm

FROM node:20-bookworm-slim AS composer
WORKDIR /src
COPY composer/package.json composer/package-lock.json composer/
RUN cd composer && npm ci --no-audit --no-fund --loglevel=error
COPY composer composer
COPY scripts/build-composer scripts/
RUN scripts/build-composer --installed

FROM python:${PYTHON} AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE requirements.lock ./
COPY scripts/build-wheel scripts/install-runtime scripts/runtime_requirements.py scripts/
COPY storage storage
COPY compositing compositing
COPY renderer renderer
COPY farm farm
COPY scheduler_api scheduler_api
COPY --from=composer /src/scheduler_api/static scheduler_api/static
RUN scripts/build-wheel /wheel && scripts/install-runtime /opt/farm /wheel/*.whl

FROM python:${PYTHON}
# Fonts for names in any script; nothing else is missing: codecs and Valkey come with the wheels.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji tini \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 farm && useradd --uid 10001 --gid farm --no-create-home --home-dir /scratch farm \
 && install --directory --owner=farm --group=farm /scratch
COPY --from=wheel /opt/farm /opt/farm
ENV PATH=/opt/farm/bin:$PATH \
    HOME=/scratch TMPDIR=/scratch FARM_SCRATCH_DIR=/scratch \
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /scratch
EXPOSE 8000
# Reaps what a process leaves behind, and hands signals on: as process 1 a program that handles no SIGTERM yet would
# not get it. The chart's pods give arguments and no command, so they begin with it, too.
ENTRYPOINT ["tini", "--"]
CMD ["farm", "serve", "--role", "api"]
