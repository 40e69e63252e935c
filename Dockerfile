# The image of gpucost: docker build -t registry.example/gpucost:0.3.0 .
# Pin both stages by digest where your rules ask for it: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:...
ARG PYTHON=python:3.11-slim-bookworm

# Build: the locked dependencies and the wheel, in an environment of their own. Nothing is compiled.
FROM ${PYTHON} AS build
# A mirror of PyPI, if there is one.
ARG PIP_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/gpucost
COPY requirements.lock ./
RUN /opt/gpucost/bin/pip install --require-hashes --only-binary=:all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
RUN /opt/gpucost/bin/pip wheel --no-deps --wheel-dir dist . \
 && /opt/gpucost/bin/pip install --no-deps --no-index dist/gpucost-*.whl \
 && /opt/gpucost/bin/pip uninstall --yes setuptools pip

# Run: no pip, no sources, a user without a name, and nothing written outside /tmp and what is mounted.
FROM ${PYTHON}
COPY --from=build /opt/gpucost /opt/gpucost
ENV PATH=/opt/gpucost/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["gpucost"]
CMD ["operator"]
