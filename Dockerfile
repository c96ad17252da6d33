# genctl in a container, on a CPU or a GPU.
#
#   docker build -t genctl .
#   docker run --rm -v "$PWD:/data" genctl train gan --data photos/
#
#   docker build -t genctl:cuda --build-arg BASE=pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime .
#   docker run --rm --gpus all -v "$PWD:/data" genctl:cuda doctor
#
# A base that has torch keeps it. On the plain base pip installs the wheels that it finds; to get the
# small ones for CPUs, pass their index as --build-arg PIP_EXTRA_INDEX_URL=...
ARG BASE=python:3.12-slim
FROM ${BASE}

ARG PIP_EXTRA_INDEX_URL=
ARG EXTRAS=onnx

COPY pyproject.toml README.md LICENSE /opt/genctl/
COPY src /opt/genctl/src
RUN python -m pip install --no-cache-dir "/opt/genctl[${EXTRAS}]" \
    && rm -rf /opt/genctl \
    && genctl --version

# Runs go to the mounted folder; caches beside them, so that the next container finds them.
ENV GENCTL_CACHE=/data/.genctl-cache
WORKDIR /data
ENTRYPOINT ["genctl"]
CMD ["--help"]
