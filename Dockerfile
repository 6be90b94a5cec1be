# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
COPY docs/runbooks docs/runbooks
COPY rules rules
COPY alertmanager alertmanager
RUN python -m venv /opt/exchange-exporter && /opt/exchange-exporter/bin/pip install --no-cache-dir .

FROM python:3.13-slim
COPY --from=build /opt/exchange-exporter /opt/exchange-exporter
RUN useradd --system --uid 10001 --no-create-home exporter \
 && mkdir /var/lib/exchange-exporter && chown exporter /var/lib/exchange-exporter
ENV PATH=/opt/exchange-exporter/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/exchange-exporter
VOLUME /var/lib/exchange-exporter
EXPOSE 9927
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s CMD ["python", "-c", \
  "import urllib.request as u; u.urlopen('http://127.0.0.1:9927/-/healthy', timeout=2)"]
ENTRYPOINT ["exchange-exporter"]
