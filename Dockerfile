# triptych in a container: the dashboard by default, any command otherwise.
#
#     docker build --tag triptych .
#     docker run --rm --volume ./costs:/workspace triptych run
#
# A tag can be given to another image; a digest cannot. This one is python:3.11-slim of
# 25 August 2026, Python 3.11.16 on Debian trixie for all its platforms, as
# docker-library/repo-info records it. `make base-image` looks up what the tag is now and
# writes it here; `make release` asks for a digest.
ARG BASE_IMAGE=python:3.11-slim@sha256:3c1dfceb3f1267d4d378e7883cddf35c58757bab98d70bba30b6e02e808fa21d

# Two stages, so that neither the sources nor what builds them is in the image.
FROM ${BASE_IMAGE} AS build

WORKDIR /build
COPY requirements/bootstrap.lock requirements/runtime.lock requirements/
RUN python -m pip install --no-cache-dir --require-hashes --no-deps \
      --requirement requirements/bootstrap.lock \
    && uv venv /venv \
    && uv pip sync --no-cache --python /venv/bin/python --require-hashes \
      --compile-bytecode requirements/runtime.lock

COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY triptych triptych
COPY ingest ingest
COPY attribution attribution
COPY dashboard dashboard
COPY dbt_project dbt_project
COPY docs/glossary.md docs/
RUN uv build --no-cache --wheel --build-constraint requirements.lock --require-hashes \
      --out-dir dist \
    && uv pip install --no-cache --python /venv/bin/python --no-deps \
      --compile-bytecode dist/*.whl

FROM ${BASE_IMAGE}

RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin triptych \
    && mkdir /workspace \
    && chown triptych:triptych /workspace
COPY --from=build /venv /venv

# The home folder is in memory: what is kept is in /workspace.
ENV PATH=/venv/bin:$PATH \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    TRIPTYCH_WORKSPACE=/workspace \
    TRIPTYCH_DASHBOARD__HOST=0.0.0.0
USER 10001:10001
WORKDIR /workspace
VOLUME ["/workspace"]
EXPOSE 8501

# Of the dashboard. A container that runs another command is over when that is.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

ENTRYPOINT ["triptych"]
CMD ["dashboard", "--headless"]
